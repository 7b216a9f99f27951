/**
 * What every way in has in common: a request of bounded size, of a type it takes, signed with one of the secrets, and lately.
 * Cheapest and most telling first: size, header form, time window, and only then the body and its signature.
 */
import type { Context } from 'hono';
import type { Clock } from '../runtime/clock.ts';
import { readBody, refuseAnnouncedLength } from '../http/body.ts';
import { Problem } from '../http/problem.ts';
import { readSignedHeaders, type SignedHeaders } from './signed-headers.ts';
import { checkSignature, checkTimestamp } from './verify.ts';

export interface SignedRequest {
  readonly idempotencyKey: string;
  /** The raw bytes that were signed. */
  readonly body: Uint8Array;
  readonly contentType: string;
}

export interface SignedRequestOptions {
  readonly clock: Clock;
  /** Of the secrets that may sign. */
  readonly keys: readonly Uint8Array[];
  readonly maxBytes: number;
  readonly types: AcceptedTypes;
}

export interface AcceptedTypes {
  readonly pattern: RegExp;
  /** Completes "Expected Content-Type …". */
  readonly words: string;
}

/** `application/json`, or any `+json`. */
export const JSON_TYPES: AcceptedTypes = { pattern: /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i, words: 'application/json' };

/** @throws Problem */
export async function readSignedRequest(context: Context, { clock, keys, maxBytes, types }: SignedRequestOptions): Promise<SignedRequest> {
  const headers = checkHeaders(context, { clock, maxBytes, types });
  const body = await readBody(context.req.raw, context.req.header('content-length'), maxBytes);
  checkSignature(headers, body, keys);
  return { idempotencyKey: headers.idempotencyKey, body, contentType: context.req.header('content-type') ?? '' };
}

/** Everything before the body is read. */
function checkHeaders(context: Context, { clock, maxBytes, types }: Omit<SignedRequestOptions, 'keys'>): SignedHeaders {
  refuseAnnouncedLength(context.req.header('content-length'), maxBytes);
  refuseContent(context.req.header('content-type'), context.req.header('content-encoding'), types);
  const headers = readSignedHeaders((name) => context.req.header(name));
  checkTimestamp(headers, clock.now());
  return headers;
}

/** @throws Problem `unsupported_media_type` or `unsupported_encoding` */
export function refuseContent(type: string | undefined, encoding: string | undefined, { pattern, words }: AcceptedTypes): void {
  if (type === undefined || !pattern.test(type)) throw new Problem('unsupported_media_type', `Expected Content-Type ${words}, got ${type === undefined ? 'none' : JSON.stringify(type.slice(0, 80))}`);
  if (encoding !== undefined && encoding !== 'identity') throw new Problem('unsupported_encoding', `Expected a body without Content-Encoding, got ${JSON.stringify(encoding.slice(0, 40))}`);
}
