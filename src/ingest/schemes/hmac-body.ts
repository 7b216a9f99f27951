/**
 * An HMAC-SHA256 over the body, alone or inside a text with a timestamp, in a header: what GitHub, Stripe, Shopify, Slack and many
 * others send. The key is the secret's own bytes, whatever it looks like: Stripe's begin with `whsec_` and are no base64.
 */
import { createHmac } from 'node:crypto';
import type { HmacForm } from '../../domain/source.ts';
import { digestsEqual } from '../../domain/signing.ts';
import type { HeaderReader } from '../signed-headers.ts';
import { unsigned, type Verify } from './verdict.ts';

/** Enough for any rotation; more would only make the check costly. */
const MAX_SIGNATURES = 10;
/** Node's decoders read rubbish without a word, so the form is checked first. 32 bytes, no more and no less. */
const DIGEST = { hex: /^[0-9a-fA-F]{64}$/, base64: /^[A-Za-z0-9+/]{43}=$/ } as const;
const UNIX_SECONDS = /^\d{10}$/;

export function createHmacVerifier(form: HmacForm, secrets: readonly string[]): Verify {
  const keys = secrets.map((secret) => Buffer.from(secret, 'utf8'));
  const [before = '', after = ''] = form.content.split('{body}');

  return (header, body) => {
    const timestamp = timestampOf(form, header);
    const digests = digestsOf(form, header);
    const [start, end] = [before, after].map((text) => text.replace('{timestamp}', timestamp ?? '')) as [string, string];
    let matches = 0;
    for (const key of keys) {
      const expected = createHmac('sha256', key).update(start).update(body).update(end).digest();
      for (const digest of digests) matches += Number(digestsEqual(expected, digest));
    }
    if (timestamp === undefined) return unsigned('Expected a timestamp of ten digits, got none');
    if (matches === 0) return unsigned(digests.length === 0 ? `Expected a signature in ${form.header}, got none of its form` : 'Expected a signature by one of the secrets, got none that matches');
    return { kind: 'signed', timestampMs: timestamp === null ? null : Number(timestamp) * 1_000, idempotencyKey: null };
  };
}

/** Null: the form has none. Undefined: it should be there and is not. */
function timestampOf({ timestamp }: HmacForm, header: HeaderReader): string | null | undefined {
  if (timestamp === null) return null;
  return partsOf(header(timestamp.header), timestamp.prefix).find((part) => UNIX_SECONDS.test(part));
}

function digestsOf({ header: name, prefix, encoding }: HmacForm, header: HeaderReader): readonly Buffer[] {
  return partsOf(header(name), prefix).filter((part) => DIGEST[encoding].test(part)).slice(0, MAX_SIGNATURES).map((part) => Buffer.from(part, encoding));
}

/** The parts of a header that begin so, without it. */
function partsOf(value: string | undefined, prefix: string): readonly string[] {
  if (value === undefined) return [];
  return value.split(',').map((part) => part.trim()).filter((part) => part.startsWith(prefix)).map((part) => part.slice(prefix.length));
}
