// Node 18 or later, no packages.
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';

const TOLERANCE_S = 300;
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * @param {(name: string) => string | null | undefined} header reads a request header
 * @param {Buffer} body the raw bytes, before any JSON parser has seen them
 * @param {string[]} secrets whsec_… and whpk_…: the current one, and while you change over the one before
 * @throws {Error} when the request must not be trusted
 */
export function verifyWebhook(header, body, secrets, nowS = Math.floor(Date.now() / 1000)) {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => header(name) ?? '');
  if (id === '' || signatures === '') throw new Error('a webhook header is missing');
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(nowS - Number(timestamp)) > TOLERANCE_S) throw new Error('the timestamp is too far from now');
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const given = signatures.split(' ').map((one) => one.split(','));
  if (!secrets.some((secret) => given.some(([version, text = '']) => fits(secret, version, Buffer.from(text, 'base64'), signed)))) throw new Error('no signature fits');
}

function fits(secret, version, signature, signed) {
  const key = Buffer.from(secret.slice(secret.indexOf('_') + 1), 'base64');
  if (version === 'v1' && secret.startsWith('whsec_')) {
    const expected = createHmac('sha256', key).update(signed).digest();
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  }
  if (version === 'v1a' && secret.startsWith('whpk_')) {
    return verify(null, signed, createPublicKey({ key: Buffer.concat([SPKI_HEAD, key]), format: 'der', type: 'spki' }), signature);
  }
  return false;
}
