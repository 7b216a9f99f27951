/** The headers that sign one event for ingest, in either of the two schemes that it accepts. */
import { secretKey, signedDigest, standardSignature } from '../../src/domain/signing.ts';
import { FatalError } from '../../src/runtime/errors.ts';

/** `x`: `X-Timestamp`, `X-Idempotency-Key`, `X-Signature`. `standard`: the `webhook-*` set of Standard Webhooks. */
export type SignatureScheme = 'x' | 'standard';

/** @throws FatalError `invalid_secret` */
export function signedHeaders(secret: string, key: string, body: Uint8Array, nowMs: number, scheme: SignatureScheme = 'x'): Readonly<Record<string, string>> {
  const bytes = secretKey(secret);
  if (bytes === null) throw new FatalError('invalid_secret', 'Expected a secret that is not empty and has at least 16 bytes in base64 after whsec_, got something else');
  const timestamp = String(Math.floor(nowMs / 1000));
  const contentType = { 'Content-Type': 'application/json' };
  return scheme === 'standard'
    ? { ...contentType, 'webhook-id': key, 'webhook-timestamp': timestamp, 'webhook-signature': standardSignature([bytes], key, timestamp, body) }
    : { ...contentType, 'X-Timestamp': timestamp, 'X-Idempotency-Key': key, 'X-Signature': signedDigest(bytes, timestamp, key, body).toString('hex') };
}
