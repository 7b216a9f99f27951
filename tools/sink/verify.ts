/**
 * Checks the Standard Webhooks signature of a request (standard-webhooks/standard-webhooks, spec/standard-webhooks.md) the way a
 * receiver should: over the raw bytes, in constant time, and only within five minutes of the time that was signed.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { digestsEqual, secretKey, signedDigest } from '../../src/domain/signing.ts';
import { FatalError } from '../../src/runtime/errors.ts';
import { headerOf } from './headers.ts';

export type Verification = { readonly verified: 'ok' } | { readonly verified: 'bad'; readonly reason: string } | { readonly verified: 'unchecked' };
export type Verifier = (headers: IncomingHttpHeaders, body: Uint8Array, nowMs: number) => Verification;

const TOLERANCE_S = 300;

/** Several secrets are separated by commas: either fits, as while one is being exchanged. @throws FatalError `invalid_secret` */
export function createVerifier(secret: string | null): Verifier {
  if (secret === null) return () => ({ verified: 'unchecked' });
  const keys = secret.split(',').map((text) => keyOf(text.trim()));
  return (headers, body, nowMs) => verify(keys, headers, body, nowMs);
}

function keyOf(secret: string): Uint8Array {
  const key = secretKey(secret);
  if (key === null) throw new FatalError('invalid_secret', 'Expected a secret such as whsec_ and at least 16 bytes in base64, got something else');
  return key;
}

function verify(keys: readonly Uint8Array[], headers: IncomingHttpHeaders, body: Uint8Array, nowMs: number): Verification {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => headerOf(headers, name));
  if (id == null || timestamp == null || signatures == null) return bad('a webhook-id, webhook-timestamp or webhook-signature header is missing');
  if (!/^\d{1,12}$/.test(timestamp)) return bad('the timestamp is not in unix seconds');
  const ageS = Math.floor(nowMs / 1000) - Number(timestamp);
  if (Math.abs(ageS) > TOLERANCE_S) return bad(ageS > 0 ? `the timestamp is ${ageS} s old` : `the timestamp is ${-ageS} s in the future`);
  const given = signatures.split(' ').filter((signature) => signature.startsWith('v1,')).map((signature) => Buffer.from(signature.slice(3)));
  if (given.length === 0) return bad('there is no v1 signature');
  const expected = keys.map((key) => Buffer.from(signedDigest(key, id, timestamp, body).toString('base64')));
  return expected.some((digest) => given.some((signature) => digestsEqual(digest, signature))) ? { verified: 'ok' } : bad('no signature fits the secret and the bytes');
}

const bad = (reason: string): Verification => ({ verified: 'bad', reason });
