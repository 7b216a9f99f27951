/** Signatures as receivers check them: by the reference library for `v1`, by the public key for `v1a`. */
import { createPublicKey, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { SinkRequest } from '../../tools/sink/sink.ts';

const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const headerOf = ({ headers }: SinkRequest, name: string): string => String(headers[name] ?? '');

/** Whether a receiver that holds this `whsec_` secret alone would take the request. */
export function fitsSecret(request: SinkRequest, secret: string): boolean {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  try {
    new Webhook(secret).verify(request.body, Object.fromEntries(names.map((name) => [name, headerOf(request, name)])));
    return true;
  } catch {
    return false;
  }
}

/** The same for a receiver that holds this `whpk_` key. */
export function fitsPublicKey(request: SinkRequest, publicKey: string): boolean {
  const key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, Buffer.from(publicKey.slice('whpk_'.length), 'base64')]), format: 'der', type: 'spki' });
  const signed = Buffer.concat([Buffer.from(`${headerOf(request, 'webhook-id')}.${headerOf(request, 'webhook-timestamp')}.`), request.body]);
  return headerOf(request, 'webhook-signature').split(' ').some((one) => one.startsWith('v1a,') && verify(null, signed, key, Buffer.from(one.slice('v1a,'.length), 'base64')));
}
