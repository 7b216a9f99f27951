/**
 * Secrets at rest: AES-256-GCM under a master key, a fresh random 12-byte IV each time, with the place it belongs to as additional
 * data. So a sealed text that was copied to another document, or to another field, does not open there; and one changed byte is
 * enough that it opens nowhere. The id of the key stands beside the text, so that keys can be exchanged one text at a time.
 */
import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

export interface MasterKey {
  /** Not secret: it stands beside each text that the key has sealed. */
  readonly id: string;
  readonly key: KeyObject;
}

export interface Keyring {
  /** The one that seals; null: nothing is sealed. */
  readonly newest: MasterKey | null;
  readonly byId: ReadonlyMap<string, MasterKey>;
}

/** Where a text belongs: it opens nowhere else. */
export interface SealPlace {
  readonly collection: string;
  readonly id: string;
  readonly purpose: string;
}

export interface Sealed {
  readonly keyId: string;
  /** Base64, as `text`, which is the cipher text and its 16-byte tag. */
  readonly iv: string;
  readonly text: string;
}

export type Opened = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly fault: string };

const [KEY_BYTES, IV_BYTES, TAG_BYTES] = [32, 12, 16];
const KEY_TEXT = /^(?:([A-Za-z0-9_.-]{1,32}):)?([A-Za-z0-9+/]{43}=)$/;

/** Newest first. */
export const createKeyring = (keys: readonly MasterKey[]): Keyring => ({ newest: keys[0] ?? null, byId: new Map(keys.map((key) => [key.id, key])) });

export const NO_KEYS: Keyring = createKeyring([]);

/** A master key of 32 random bytes as a text, with an id that tells nothing of it but which one it is. */
export function newMasterKey(): string {
  const bytes = randomBytes(KEY_BYTES);
  return `${idOf(bytes)}:${bytes.toString('base64')}`;
}

/** Reads 32 bytes in base64, or `id:` and these; null when it is neither. */
export function masterKeyOf(text: string): MasterKey | null {
  const [, id, encoded] = KEY_TEXT.exec(text) ?? [];
  if (encoded === undefined) return null;
  const bytes = Buffer.from(encoded, 'base64');
  return { id: id ?? idOf(bytes), key: createSecretKey(bytes) };
}

/** 40 bits of a digest: enough to tell keys apart, and of no use against 256 random bits. */
const idOf = (bytes: Uint8Array): string => `key_${createHash('sha256').update('hooktail master key id').update(bytes).digest('hex').slice(0, 10)}`;

export function seal({ id: keyId, key }: MasterKey, text: string, place: SealPlace): Sealed {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES }).setAAD(bytesOf(place));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return { keyId, iv: iv.toString('base64'), text: sealed.toString('base64') };
}

/** Never throws, whatever stands in the database. */
export function open({ byId }: Keyring, { keyId, iv, text }: Sealed, place: SealPlace): Opened {
  const master = byId.get(keyId);
  if (master === undefined) return { ok: false, fault: `its master key ${keyId} is not at hand` };
  try {
    const [nonce, sealed] = [Buffer.from(iv, 'base64'), Buffer.from(text, 'base64')];
    if (nonce.length !== IV_BYTES || sealed.length < TAG_BYTES) throw new Error('Expected an IV and a tag, got less');
    const decipher = createDecipheriv('aes-256-gcm', master.key, nonce, { authTagLength: TAG_BYTES }).setAAD(bytesOf(place)).setAuthTag(sealed.subarray(-TAG_BYTES));
    return { ok: true, text: decipher.update(sealed.subarray(0, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8') };
  } catch {
    return { ok: false, fault: `master key ${keyId} does not open it: it is another key of that name, or the text was changed` };
  }
}

/** JSON, so that no two places are written alike. */
const bytesOf = ({ collection, id, purpose }: SealPlace): Buffer => Buffer.from(JSON.stringify(['hooktail', 1, collection, id, purpose]), 'utf8');
