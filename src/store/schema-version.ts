/**
 * What the data and indexes of a database look like, as one number in `meta`. A program brings an older database up to its own
 * version, and refuses to work on one that a newer program has changed: it could not know what to keep.
 *
 * Raise SCHEMA_VERSION with every change that an older program would undo or misread, an index's definition included.
 */
import type { Collection } from 'mongodb';
import { FatalError } from '../runtime/errors.ts';
import { DURABLE, type Store } from './store.ts';
import { isDuplicateKey } from './write-errors.ts';

export const SCHEMA_VERSION = 3;

interface SchemaDocument {
  _id: 'schema';
  version: number;
  changedAt: Date;
}

const metaOf = ({ db }: Store): Collection<SchemaDocument> => db.collection('meta', { writeConcern: DURABLE, readConcern: { level: 'majority' } });

/**
 * The version of the database; null when no program has prepared it yet.
 * @throws FatalError when it is newer than this program, or no version at all
 */
export async function checkSchemaVersion(store: Store): Promise<number | null> {
  const found = await metaOf(store).findOne({ _id: 'schema' });
  return found === null ? null : known(store, found.version);
}

/**
 * Writes this program's version unless that stands there already; of several at once the highest stays.
 * @throws FatalError when a newer program has been here meanwhile
 */
export async function raiseSchemaVersion(store: Store): Promise<void> {
  known(store, await raise(store).catch((error: unknown) => {
    if (!isDuplicateKey(error)) throw error;
    return raise(store); // Two wanted to write the first one, and the server did not try again by itself; now it is there.
  }));
}

async function raise(store: Store): Promise<unknown> {
  const rises = { $lt: [{ $ifNull: ['$version', -1] }, SCHEMA_VERSION] };
  const update = [{ $set: { version: { $max: ['$version', SCHEMA_VERSION] }, changedAt: { $cond: [rises, '$$NOW', '$changedAt'] } } }];
  return (await metaOf(store).findOneAndUpdate({ _id: 'schema' }, update, { upsert: true, returnDocument: 'after' }))?.version;
}

function known({ db }: Store, version: unknown): number {
  if (typeof version !== 'number' || !Number.isInteger(version)) {
    throw new FatalError('schema_unreadable', `Expected a whole number as the version in meta of database ${db.databaseName}, got ${JSON.stringify(version)}`, { fix: 'set MONGODB_DB to a database that is Hooktail\'s own' });
  }
  if (version > SCHEMA_VERSION) {
    throw new FatalError('schema_newer', `Database ${db.databaseName} has schema version ${version}, this program knows versions up to ${SCHEMA_VERSION}`, { fix: 'upgrade this program to the release that the others run' });
  }
  return version;
}
