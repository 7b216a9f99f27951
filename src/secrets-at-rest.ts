/** What both programs do about stored secrets at their start: refuse when a key is missing, and say what is plain or does not open. */
import type { Keyring } from './domain/sealing.ts';
import { faultOf } from './domain/signing-secret.ts';
import type { Target } from './domain/target.ts';
import { CONFIG_ROWS } from './runtime/config.ts';
import { FatalError } from './runtime/errors.ts';
import type { Telemetry } from './runtime/telemetry.ts';
import { countByKey } from './store/sealed-secrets.ts';
import type { Store } from './store/store.ts';
import type { TargetBook } from './store/target-book.ts';

/**
 * Before anything is done with the database.
 * @throws FatalError when a stored secret is sealed under a key that is not at hand
 */
export async function checkMasterKeys(store: Store, telemetry: Telemetry): Promise<void> {
  const { byId, newest }: Keyring = store.vault.keyring;
  const uses = await countByKey(store);
  const missing = uses.flatMap(({ keyId }) => (keyId === null || byId.has(keyId) ? [] : [keyId]));
  if (missing.length > 0) {
    const fix = `add ${missing.length === 1 ? 'it' : 'them'} to ${CONFIG_ROWS.masterKeys.env} or to the file that ${CONFIG_ROWS.masterKeyFile.env} names`;
    throw new FatalError('master_key_missing', `Stored secrets are sealed under master key ${missing.join(' and ')}, which this program was not given`, { fix });
  }
  const plain = uses.find(({ keyId }) => keyId === null)?.secrets ?? 0;
  if (newest === null || plain > 0) telemetry.emit('secrets.plain', { count: plain, masterKey: newest?.id ?? null, fix: newest === null ? `set ${CONFIG_ROWS.masterKeys.env}; npm run keys -- make makes one` : 'run npm run keys -- rewrap' });
}

/** Tells of each target that is not sent to since a secret of it does not open: once, until that has changed. */
export function tellUnreadable(book: TargetBook, telemetry: Telemetry): void {
  let told: ReadonlyMap<Target['id'], string> = new Map();
  const look = (): void => {
    const closed = book.all().flatMap(({ id, secrets }) => [[id, faultOf(secrets)] as const]).filter((one): one is readonly [Target['id'], string] => one[1] !== null);
    for (const [targetId, reason] of closed) if (told.get(targetId) !== reason) telemetry.emit('target.unreadable', { targetId, reason });
    told = new Map(closed);
  };
  book.onRefresh(look);
  look();
}
