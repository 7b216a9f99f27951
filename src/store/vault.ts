/**
 * Secrets on their way into documents and out of them: sealed as soon as there is a master key, plain until then, and opened into
 * memory only. What was stored before secrets were objects, a bare text, is read as one that has not been sealed yet.
 */
import { NO_KEYS, open, seal, type Keyring, type Sealed, type SealPlace } from '../domain/sealing.ts';
import { bareSecretId, newSecretId, type SecretId } from '../domain/ids.ts';
import { kindOf, type SecretKind, type SecretLabel, type SigningSecret } from '../domain/signing-secret.ts';

export interface StoredLabel {
  id: SecretId;
  kind: SecretKind;
  createdAt: Date | null;
  expiresAt?: Date;
}

export type StoredSecret = StoredLabel & ({ plain: string } | { sealed: Sealed });
/** As a field holds them, newest first; a bare text is of an older release. */
export type SecretField = readonly (string | StoredSecret)[];

/** The document that secrets stand in, and what they are for. */
export interface SecretOwner {
  readonly collection: string;
  readonly id: string;
  readonly purpose: string;
}

export const signingOf = (targetId: string): SecretOwner => ({ collection: 'targets', id: targetId, purpose: 'signing' });

export const ingestOf = (source: string): SecretOwner => ({ collection: 'sources', id: source, purpose: 'ingest' });

/** More than any fleet has; beyond it the oldest are opened again when they are asked for. */
const MOST_KNOWN = 20_000;

interface Known {
  readonly stored: string;
  readonly secret: SigningSecret;
}

export class Vault {
  readonly keyring: Keyring;
  readonly isBlind: boolean;
  /** So that what has not changed is opened once, and stays the same object: its keys are made ready once. */
  readonly #known = new Map<string, Known>();

  /** @param keyring null: whoever uses this one does not look into secrets, and learns nothing of whether they open */
  constructor(keyring: Keyring | null) {
    this.keyring = keyring ?? NO_KEYS;
    this.isBlind = keyring === null;
  }

  /** A secret as it is to be stored, sealed when there is a key. */
  keep(owner: SecretOwner, { id, kind, createdAt, expiresAt }: SecretLabel, secret: string): StoredSecret {
    const label: StoredLabel = { id, kind, createdAt, ...(expiresAt === null ? {} : { expiresAt }) };
    const { newest } = this.keyring;
    return newest === null ? { ...label, plain: secret } : { ...label, sealed: seal(newest, secret, placeOf(owner, id)) };
  }

  /** A new one, under an id of its own. */
  keepNew(owner: SecretOwner, secret: string, createdAt: Date | null, id: SecretId = newSecretId()): StoredSecret {
    return this.keep(owner, { id, kind: kindOf(secret), createdAt, expiresAt: null }, secret);
  }

  /** The same under the newest key; null when it does not open. */
  rekey(owner: SecretOwner, stored: StoredSecret): StoredSecret | null {
    const secret = this.#open(owner, stored);
    return 'secret' in secret ? this.keep(owner, secret, secret.secret) : null;
  }

  /** The secrets of a field, opened. Never throws: what does not open says so. */
  read(owner: SecretOwner, field: SecretField): readonly SigningSecret[] {
    return asStored(field).map((stored) => this.#openOnce(owner, stored));
  }

  #openOnce(owner: SecretOwner, stored: StoredSecret): SigningSecret {
    const [name, text] = [`${owner.collection}/${owner.id}/${owner.purpose}/${stored.id}`, `${'plain' in stored ? stored.plain : `${stored.sealed.iv}${stored.sealed.text}`} ${String(stored.expiresAt?.getTime())}`];
    const known = this.#known.get(name);
    if (known?.stored === text) return known.secret;
    const secret = this.#open(owner, stored);
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    if ('secret' in secret) this.#known.set(name, { stored: text, secret });
    return secret;
  }

  #open(owner: SecretOwner, stored: StoredSecret): SigningSecret {
    const { id, kind, createdAt, expiresAt = null } = stored;
    const label = { id, kind, createdAt, expiresAt };
    if ('plain' in stored) return { ...label, secret: stored.plain };
    const opened = open(this.keyring, stored.sealed, placeOf(owner, id));
    return opened.ok ? { ...label, secret: opened.text } : { ...label, fault: opened.fault };
  }
}

/** With bare texts in the form of today, under ids that stay as long as they stand where they do. */
export const asStored = (field: SecretField): readonly StoredSecret[] =>
  field.map((item, index) => (typeof item === 'string' ? { id: bareSecretId(index), kind: kindOf(item), createdAt: null, plain: item } : item));

const placeOf = ({ collection, id, purpose }: SecretOwner, secretId: SecretId): SealPlace => ({ collection, id, purpose: `${purpose}/${secretId}` });
