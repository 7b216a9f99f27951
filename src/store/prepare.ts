/**
 * What every program does to the database before it works on it, as often and as many at once as may be:
 *
 *   version read (newer: refused, nothing touched)  →  indexes created and changed  →  version raised
 *
 * A crash in between leaves the old version and some new indexes; the next start does the rest.
 */
import { ensureIndexes, type IndexOptions } from './indexes.ts';
import { checkSchemaVersion, raiseSchemaVersion } from './schema-version.ts';
import type { Store } from './store.ts';
import { whilePassing } from './while-passing.ts';
import { isTransient } from './write-errors.ts';

/**
 * @param store at a start, on a connection without a socket timeout: building an index takes as long as the collection is large
 * @throws FatalError when this program must not work on the database, or an index cannot be what it must be
 */
export async function prepareDatabase(store: Store, retentionDays: number, options: IndexOptions = {}): Promise<void> {
  await whilePassing(() => checkSchemaVersion(store), isTransient, options);
  await ensureIndexes(store, retentionDays, options);
  await whilePassing(() => raiseSchemaVersion(store), isTransient, options);
}
