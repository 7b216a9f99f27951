/**
 * The form of a signed request's headers, in either set: `X-Timestamp`, `X-Idempotency-Key`, `X-Signature`, or the Standard
 * Webhooks `webhook-timestamp`, `webhook-id`, `webhook-signature`. Patterns are strict, since Node's hex and base64 decoders
 * read rubbish without a word.
 */
import { Problem } from '../http/problem.ts';

export type Scheme = 'x' | 'standard';

export interface SignedHeaders {
  readonly scheme: Scheme;
  readonly idempotencyKey: string;
  /** As it was sent: this text is what was signed. */
  readonly timestamp: string;
  /** Unix milliseconds. */
  readonly timestampMs: number;
  /** Digests of 32 bytes. Those of another form are left out; the check then fails like that of a wrong one. */
  readonly digests: readonly Buffer[];
}

export type HeaderReader = (name: string) => string | undefined;

const NAMES = {
  x: { signature: 'X-Signature', timestamp: 'X-Timestamp', key: 'X-Idempotency-Key' },
  standard: { signature: 'webhook-signature', timestamp: 'webhook-timestamp', key: 'webhook-id' },
} as const;

const UNIX_SECONDS = /^\d{10}$/;
const RFC3339_UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;
/** An idempotency key. */
export const KEY = /^[\x21-\x7e]{1,255}$/;
const X_DIGEST = /^(?:v1=)?([0-9a-fA-F]{64})$/;
const STANDARD_DIGEST = /^v1,([A-Za-z0-9+/]{43}=)$/;

/**
 * @param scheme the set that it must be; by the signature that is there when absent
 * @throws Problem when a header is missing or not readable
 */
export function readSignedHeaders(header: HeaderReader, scheme: Scheme = schemeOf(header)): SignedHeaders {
  const names = NAMES[scheme];
  const timestamp = requireHeader(header, names.timestamp);
  const idempotencyKey = requireHeader(header, names.key);
  if (!KEY.test(idempotencyKey)) throw new Problem('invalid_idempotency_key', `${names.key}: expected 1 to 255 visible ASCII characters, got ${idempotencyKey.length} of which some are others`);
  return { scheme, idempotencyKey, timestamp, timestampMs: readTimestamp(timestamp, scheme), digests: readDigests(header(names.signature) ?? '', scheme) };
}

function schemeOf(header: HeaderReader): Scheme {
  if (header(NAMES.x.signature) !== undefined) return 'x';
  if (header(NAMES.standard.signature) !== undefined) return 'standard';
  throw new Problem('missing_signature', `Expected ${NAMES.x.signature} with ${NAMES.x.timestamp} and ${NAMES.x.key}, or ${NAMES.standard.signature} with ${NAMES.standard.timestamp} and ${NAMES.standard.key}; got neither`);
}

function requireHeader(header: HeaderReader, name: string): string {
  const value = header(name);
  if (value === undefined || value === '') throw new Problem('missing_header', `Expected the header ${name}, got none`);
  return value;
}

function readTimestamp(text: string, scheme: Scheme): number {
  if (UNIX_SECONDS.test(text)) return Number(text) * 1000;
  const parsed = scheme === 'x' && RFC3339_UTC.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(parsed)) return parsed;
  const forms = scheme === 'x' ? 'ten digits of unix seconds or an RFC 3339 time in UTC such as 2026-11-23T10:00:00Z' : 'ten digits of unix seconds';
  throw new Problem('invalid_timestamp', `${NAMES[scheme].timestamp}: expected ${forms}, got ${JSON.stringify(text.slice(0, 40))}`);
}

function readDigests(text: string, scheme: Scheme): readonly Buffer[] {
  const [separator, pattern, encoding] = scheme === 'x' ? ([',', X_DIGEST, 'hex'] as const) : ([' ', STANDARD_DIGEST, 'base64'] as const);
  const encoded = text.split(separator).map((part) => pattern.exec(part.trim())?.[1]);
  return encoded.filter((digest) => digest !== undefined).slice(0, MAX_DIGESTS).map((digest) => Buffer.from(digest, encoding));
}

/** Enough for any rotation; more would only make the check costly. */
const MAX_DIGESTS = 10;
