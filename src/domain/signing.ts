/**
 * Signing secrets and the two signature schemes. Bytes are signed, never text: decoding a body to a string first would give
 * different bodies the same signature.
 *
 *   Standard Webhooks  base64 HMAC-SHA256 over `id.timestamp.body`, header `v1,<base64>`, space-separated
 *                      (standard-webhooks/standard-webhooks, spec/standard-webhooks.md)
 *   X-Signature        hex HMAC-SHA256 over `timestamp.key.body`, optional `v1=` before it, comma-separated
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const PREFIX = 'whsec_';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A new secret in the Standard Webhooks form: 32 random bytes. */
export const newSecret = (): string => PREFIX + randomBytes(32).toString('base64');

/**
 * The key bytes of a secret: base64 after `whsec_`, anything else its UTF-8 bytes. Null when the part after `whsec_` is not
 * base64 or is shorter than 16 bytes.
 */
export function secretKey(secret: string): Buffer | null {
  if (!secret.startsWith(PREFIX)) return secret.length > 0 ? Buffer.from(secret, 'utf8') : null;
  const encoded = secret.slice(PREFIX.length);
  const key = BASE64.test(encoded) ? Buffer.from(encoded, 'base64') : Buffer.alloc(0);
  return key.length >= 16 ? key : null;
}

/** HMAC-SHA256 over `first.second.body`. */
export function signedDigest(key: Uint8Array, first: string, second: string, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${first}.${second}.`).update(body).digest();
}

/** The `webhook-signature` value for one attempt: one `v1,…` for every live key. `timestamp` is unix seconds. */
export function standardSignature(keys: readonly Uint8Array[], id: string, timestamp: string, body: Uint8Array): string {
  return keys.map((key) => `v1,${signedDigest(key, id, timestamp, body).toString('base64')}`).join(' ');
}

/** Whether two digests are equal, in a time that does not depend on where they differ. */
export const digestsEqual = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
