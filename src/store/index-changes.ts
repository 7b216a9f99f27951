/**
 * Brings the indexes of collections to their definitions, whatever they are now and however many programs do so at once:
 *
 *   missing                          created; a second program waits for the first one's build
 *   another age of a TTL index       changed in place (collMod), or as the next one where the user may not
 *   another definition, same name    dropped by name and created: for a moment there is none
 *   retired name                     dropped, once all that is wanted is there
 *   any other name                   somebody else's, left alone
 *
 * The server judges whether two definitions are the same, so an index that is right is never built again. Building does not lock up
 * a large collection: since MongoDB 4.2 it can be read and written all the while but for an instant at the start and at the end, and the
 * members build side by side. A majority of them has to be ready (the server's own default is all, and one dead member would hold up
 * every start). Programs ask on a connection without a socket timeout, and are not ready until the build is.
 */
import { MongoServerError, type Collection, type Db, type Document, type IndexDescription } from 'mongodb';
import { FatalError } from '../runtime/errors.ts';
import { DURABLE } from './store.ts';
import { whilePassing, type Patience } from './while-passing.ts';
import { isDuplicateKey, isTransient } from './write-errors.ts';

export interface WantedIndex {
  readonly name: string;
  readonly key: Readonly<Record<string, 1 | -1>>;
  readonly unique?: true;
  readonly partialFilterExpression?: Document;
  readonly expireAfterSeconds?: number;
}

export interface RetiredIndex {
  readonly collection: string;
  readonly name: string;
}

export interface IndexPlan {
  /** By collection. */
  readonly wanted: Readonly<Record<string, readonly WantedIndex[]>>;
  readonly retired: readonly RetiredIndex[];
}

/**
 * Answers once every index is there and ready.
 * @throws FatalError when a unique index cannot be built, or somebody else's index is in the way
 */
export async function bringIndexesTo(db: Db, { wanted, retired }: IndexPlan, patience: Patience = {}): Promise<void> {
  // One collection after another: a build that takes long then holds one connection, and has the server's disk to itself.
  for (const [collection, indexes] of Object.entries(wanted)) {
    await whilePassing(() => bringCollection({ db, collection, retired }, indexes), passesBy, patience);
  }
  for (const { collection, name } of retired) await whilePassing(() => drop(db, collection, name), passesBy, patience);
}

interface Place {
  readonly db: Db;
  readonly collection: string;
  readonly retired: readonly RetiredIndex[];
}

async function bringCollection(place: Place, indexes: readonly WantedIndex[]): Promise<void> {
  try {
    await create(place, indexes);
  } catch (error) {
    if (!isConflict(error)) throw error;
    for (const index of indexes) await bringIndex(place, index);
  }
}

async function bringIndex(place: Place, wanted: WantedIndex): Promise<void> {
  try {
    await create(place, [wanted]);
  } catch (error) {
    if (!isConflict(error)) throw error;
    await clearTheWay(place, wanted);
    await create(place, [wanted]);
  }
}

/** After it, the index can be created, or has the right age; or another program was faster, and the next try shows. */
async function clearTheWay({ db, collection, retired }: Place, wanted: WantedIndex): Promise<void> {
  const found = await list(db, collection);
  const same = found.find(({ name }) => name === wanted.name);
  if (same !== undefined) return change(db, collection, same, wanted);
  const inTheWay = found.find((index) => shapeOf(index) === shapeOf(wanted));
  if (inTheWay === undefined) return;
  if (retired.some((index) => index.collection === collection && index.name === inTheWay.name)) return drop(db, collection, inTheWay.name);
  throw new FatalError('index_in_the_way', `The index ${inTheWay.name} on ${collection} is what ours, ${wanted.name}, must be, under another name`, {
    fix: `drop it (db.${collection}.dropIndex(${JSON.stringify(inTheWay.name)}) in mongosh on database ${db.databaseName}) and start again`,
  });
}

/** The index of that name was looked at just now: one that another program has put right meanwhile stays. */
async function change(db: Db, collection: string, found: FoundIndex, wanted: WantedIndex): Promise<void> {
  const [sameShape, sameAge] = [shapeOf(found) === shapeOf(wanted), ageOf(found) === ageOf(wanted)];
  if (sameShape && sameAge) return;
  const onlyAge = sameShape && ageOf(found) !== null && ageOf(wanted) !== null;
  if (!onlyAge || !(await changeAge(db, collection, wanted))) await drop(db, collection, wanted.name);
}

/** In place; false when the user may not: the role readWrite may drop and create indexes, but not change them. */
async function changeAge(db: Db, collection: string, { name, expireAfterSeconds }: WantedIndex): Promise<boolean> {
  try {
    await db.command({ collMod: collection, index: { name, expireAfterSeconds }, writeConcern: { w: DURABLE.w, j: DURABLE.journal } });
    return true;
  } catch (error) {
    if (hasCode(error, UNAUTHORIZED)) return false;
    throw error;
  }
}

async function create({ db, collection }: Pick<Place, 'db' | 'collection'>, indexes: readonly WantedIndex[]): Promise<void> {
  try {
    await durable(db, collection).createIndexes(indexes.map(toDescription), { commitQuorum: 'majority' });
  } catch (error) {
    throw isDuplicateKey(error) ? duplicates(error, collection, indexes) : error;
  }
}

const durable = (db: Db, collection: string): Collection => db.collection(collection, { writeConcern: DURABLE });

const toDescription = ({ key, ...rest }: WantedIndex): IndexDescription => ({ key: { ...key }, ...rest });

async function drop(db: Db, collection: string, name: string): Promise<void> {
  try {
    await durable(db, collection).dropIndex(name);
  } catch (error) {
    if (!hasCode(error, GONE)) throw error;
  }
}

interface FoundIndex extends Document {
  readonly name: string;
  readonly key: Document;
}

async function list(db: Db, collection: string): Promise<readonly FoundIndex[]> {
  try {
    return (await db.collection(collection).listIndexes().toArray()) as FoundIndex[];
  } catch (error) {
    if (hasCode(error, GONE)) return [];
    throw error;
  }
}

/** What makes an index the one it is: everything but its name, its version, and the age of what it removes. */
function shapeOf(index: object): string {
  const entries = Object.entries(index).filter(([field]) => !['name', 'v', 'ns', 'background', 'expireAfterSeconds'].includes(field));
  return JSON.stringify(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const ageOf = (index: object): number | null => ('expireAfterSeconds' in index ? Number(index.expireAfterSeconds) : null);

function duplicates(error: unknown, collection: string, indexes: readonly WantedIndex[]): FatalError {
  const { keyPattern = {}, keyValue = {} } = error as { readonly keyPattern?: object; readonly keyValue?: object };
  const name = indexes.find(({ key }) => shapeOf({ key }) === shapeOf({ key: keyPattern }))?.name ?? Object.keys(keyPattern).join(', ');
  return new FatalError('index_duplicates', `The unique index ${name} on ${collection} cannot be built: several documents hold ${JSON.stringify(keyValue)}`, {
    cause: error,
    fix: 'keep one of them, remove or change the others, and start again',
  });
}

/** IndexOptionsConflict, IndexKeySpecsConflict: there is one of that name, or with those keys, and it is another. */
const CONFLICT: ReadonlySet<number> = new Set([85, 86]);
const UNAUTHORIZED: ReadonlySet<number> = new Set([13]);
/** NamespaceNotFound, IndexNotFound. */
const GONE: ReadonlySet<number> = new Set([26, 27]);
/**
 * What several programs at once run into, and what passes once one of them is done: NamespaceExists, IndexAlreadyExists, WriteConflict,
 * ConflictingOperationInProgress, DatabaseDropPending, IndexBuildAborted, IndexBuildAlreadyInProgress, ClientDisconnect, BackgroundOperationInProgress (of the
 * database, of the collection), Interrupted.
 */
const RACES: ReadonlySet<number> = new Set([48, 68, 112, 117, 215, 276, 279, 285, 11_601, 12_586, 12_587]);

const isConflict = (error: unknown): boolean => hasCode(error, CONFLICT);
const passesBy = (error: unknown): boolean => hasCode(error, RACES) || hasCode(error, GONE) || isConflict(error) || isTransient(error);
const hasCode = (error: unknown, codes: ReadonlySet<number>): boolean => error instanceof MongoServerError && codes.has(Number(error.code));
