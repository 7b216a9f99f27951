/**
 * What a target signs with: HMAC secrets (`whsec_`, signature `v1`) and ed25519 key pairs (`whsk_` of 32 bytes of seed, or of seed
 * and public key, signature `v1a`; the receiver knows `whpk_`), by standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
 *
 *   live      signs; newest first, each in the one `webhook-signature`          expired   from its instant on it signs no more
 *   current   live without an expiry; there is always one                        unreadable  sealed, and does not open: see `fault`
 *
 * Keys are made ready once for each secret, not for each attempt: making an ed25519 key costs twelve times its signature.
 */
import { createHmac, createPrivateKey, createPublicKey, createSecretKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { assertNever } from './assert-never.ts';
import type { SecretId } from './ids.ts';
import { newSecret, secretKey } from './signing.ts';

export const SECRET_KINDS = ['hmac', 'ed25519'] as const;
export type SecretKind = (typeof SECRET_KINDS)[number];

export interface SecretLabel {
  readonly id: SecretId;
  readonly kind: SecretKind;
  /** Null: from before this was written down. */
  readonly createdAt: Date | null;
  /** By the server's clock; null: until it is replaced. */
  readonly expiresAt: Date | null;
}

export type SigningSecret = SecretLabel & ({ readonly secret: string } | { readonly fault: string });

/** At most so many sign at once: each costs the receiver a look, and us a signature an attempt. */
export const MOST_LIVE = 3;

const [PRIVATE_PREFIX, PUBLIC_PREFIX] = ['whsk_', 'whpk_'];
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const SEED_BYTES = 32;
/** What stands before the seed in a PKCS #8 key, and before the public key in an SPKI one (RFC 8410). */
const [PKCS8_HEAD, SPKI_HEAD_BYTES] = [Buffer.from('302e020100300506032b657004220420', 'hex'), 12];

export const kindOf = (secret: string): SecretKind => (secret.startsWith(PRIVATE_PREFIX) ? 'ed25519' : 'hmac');

export function newSecretOf(kind: SecretKind): string {
  switch (kind) {
    case 'hmac':
      return newSecret();
    case 'ed25519': {
      const seed = randomBytes(SEED_BYTES);
      return PRIVATE_PREFIX + Buffer.concat([seed, publicBytes(privateKeyOf(seed))]).toString('base64');
    }
    default:
      return assertNever(kind);
  }
}

/** `whpk_…` of an ed25519 key; null for any other secret, and for one that does not open. */
export function publicKeyOf(secret: SigningSecret): string | null {
  return 'secret' in secret ? readyKeys(secret)?.publicKey ?? null : null;
}

export const isLive = ({ expiresAt }: Pick<SecretLabel, 'expiresAt'>, nowMs: number): boolean => expiresAt === null || nowMs < expiresAt.getTime();

/** The `webhook-signature` of one attempt: one signature for each live secret. `timestamp` is unix seconds, `nowMs` the server's time. */
export function signatureHeader(secrets: readonly SigningSecret[], { id, timestamp, nowMs }: { readonly id: string; readonly timestamp: string; readonly nowMs: number }, body: Uint8Array): string {
  let header = '';
  for (const secret of secrets) {
    if (secret.expiresAt !== null && !isLive(secret, nowMs)) continue;
    const signature = readyKeys(secret)?.sign(`${id}.${timestamp}.`, body);
    if (signature !== undefined) header = header === '' ? signature : `${header} ${signature}`;
  }
  return header;
}

interface Keys {
  readonly sign: (head: string, body: Uint8Array) => string;
  readonly publicKey: string | null;
}

/** By secret, which stays the same object as long as nothing of it changes. */
const ready = new WeakMap<SigningSecret, Keys | null>();

function readyKeys(secret: SigningSecret): Keys | null {
  const known = ready.get(secret);
  if (known !== undefined) return known;
  const keys = 'secret' in secret ? keysOf(secret.secret) : null;
  ready.set(secret, keys);
  return keys;
}

function keysOf(secret: string): Keys | null {
  if (kindOf(secret) === 'ed25519') {
    const key = readPrivateKey(secret);
    if (key === null) return null;
    return { sign: (head, body) => `v1a,${sign(null, Buffer.concat([Buffer.from(head, 'utf8'), body]), key).toString('base64')}`, publicKey: PUBLIC_PREFIX + publicBytes(key).toString('base64') };
  }
  const bytes = secretKey(secret);
  if (bytes === null) return null;
  const key = createSecretKey(bytes);
  return { sign: (head, body) => `v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`, publicKey: null };
}

/** Null when it is no base64 of 32 or 64 bytes, or when its public half belongs to another seed. */
function readPrivateKey(secret: string): KeyObject | null {
  const encoded = secret.startsWith(PRIVATE_PREFIX) ? secret.slice(PRIVATE_PREFIX.length) : '';
  const bytes = BASE64.test(encoded) ? Buffer.from(encoded, 'base64') : Buffer.alloc(0);
  if (bytes.length !== SEED_BYTES && bytes.length !== 2 * SEED_BYTES) return null;
  const key = privateKeyOf(bytes.subarray(0, SEED_BYTES));
  return bytes.length === SEED_BYTES || publicBytes(key).equals(bytes.subarray(SEED_BYTES)) ? key : null;
}

const privateKeyOf = (seed: Uint8Array): KeyObject => createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
const publicBytes = (key: KeyObject): Buffer => createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD_BYTES);

/** Why these cannot sign. One that does not open is enough to wait: it may be the one that the receiver knows. Null when all do. */
export function faultOf(secrets: readonly SigningSecret[]): string | null {
  for (const secret of secrets) if ('fault' in secret) return `Signing secret ${secret.id} cannot be opened: ${secret.fault}`;
  return null;
}

/** A secret of our own making or of the configuration, as it signs: for whoever keeps none in a database. */
export const bareSecret = (secret: string, id: SecretId): SigningSecret => ({ id, kind: kindOf(secret), createdAt: null, expiresAt: null, secret });
