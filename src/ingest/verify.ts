/** Whether a request was signed with one of our secrets, and lately. Every secret is tried on every digest, in constant time. */
import { digestsEqual, secretKey, signedDigest } from '../domain/signing.ts';
import { Problem } from '../http/problem.ts';
import type { SignedHeaders } from './signed-headers.ts';

/** The tolerance of the Standard Webhooks libraries. */
export const TOLERANCE_S = 300;

/** The key bytes of the configured secrets. */
export const keysOf = (secrets: readonly string[]): readonly Buffer[] => secrets.map(secretKey).filter((key) => key !== null);

/** @throws Problem `timestamp_out_of_window` */
export function checkTimestamp({ timestampMs }: Pick<SignedHeaders, 'timestampMs'>, nowMs: number): void {
  const offByS = Math.round((timestampMs - nowMs) / 1000);
  if (Math.abs(offByS) <= TOLERANCE_S) return;
  throw new Problem('timestamp_out_of_window', `Expected a timestamp within ${TOLERANCE_S} s of now, got one ${Math.abs(offByS)} s ${offByS < 0 ? 'in the past' : 'ahead'}`);
}

/** @throws Problem `invalid_signature` */
export function checkSignature({ scheme, idempotencyKey, timestamp, digests }: SignedHeaders, body: Uint8Array, keys: readonly Uint8Array[]): void {
  const [first, second] = scheme === 'x' ? [timestamp, idempotencyKey] : [idempotencyKey, timestamp];
  let matches = 0;
  for (const key of keys) {
    const expected = signedDigest(key, first, second, body);
    for (const digest of digests) matches += Number(digestsEqual(expected, digest));
  }
  if (matches > 0) return;
  const form = scheme === 'x' ? 'hex HMAC-SHA256 (64 digits) over timestamp.key.body' : 'v1,<base64 HMAC-SHA256> over id.timestamp.body';
  throw new Problem('invalid_signature', `Expected ${form}, of the raw body and with a secret of this server; got none that matches`);
}
