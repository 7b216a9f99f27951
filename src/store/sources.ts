/** Statements on `sources`. Secrets pass through `toDocument` and `toSource` and nowhere else. */
import type { Source } from '../domain/source.ts';
import type { SourceDocument, Store } from './store.ts';
import { ingestOf } from './vault.ts';
import { isDuplicateKey } from './write-errors.ts';

/** Which source a name stands for now: deleted and made again it is another one, whatever its version. */
export const editionOf = ({ version, createdAt }: Pick<Source, 'version' | 'createdAt'>): string => `${version} of ${createdAt.getTime()}`;

export async function listSources(store: Store): Promise<readonly Source[]> {
  return (await store.sources.find().sort({ _id: 1 }).toArray()).map((document) => toSource(store, document));
}

/** One page, by name, after the given one. */
export async function listSourcesAfter(store: Store, after: string | null, limit: number): Promise<readonly Source[]> {
  return (await store.sources.find(after === null ? {} : { _id: { $gt: after } }, { sort: { _id: 1 }, limit }).toArray()).map((document) => toSource(store, document));
}

/** The edition of each source. */
export async function sourceEditions({ sources }: Store): Promise<ReadonlyMap<string, string>> {
  return new Map((await sources.find({}, { projection: { version: 1, createdAt: 1 } }).toArray()).map((found) => [found._id, editionOf(found)]));
}

export async function findSource(store: Store, name: string): Promise<Source | null> {
  const found = await store.sources.findOne({ _id: { $eq: name } });
  return found === null ? null : toSource(store, found);
}

/** Answers whether it was added: not when there is one of its name. */
export async function addSource(store: Store, source: Source): Promise<boolean> {
  try {
    await store.sources.insertOne(toDocument(store, source));
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

/** Replaces the source that was read as `before`; answers null when it is not that one any more. */
export async function replaceSource(store: Store, before: Source, wanted: Omit<Source, 'name' | 'version' | 'createdAt'>): Promise<Source | null> {
  const after: Source = { ...wanted, name: before.name, createdAt: before.createdAt, version: before.version + 1 };
  const { _id, secrets, ...fields } = toDocument(store, after);
  // Secrets that stay are not written: they may be sealed anew meanwhile, and one that does not open here must not be lost.
  const stay = after.secrets.length === before.secrets.length && after.secrets.every((secret, index) => secret === before.secrets[index]);
  const { matchedCount } = await store.sources.updateOne({ _id, version: before.version, createdAt: before.createdAt }, { $set: stay ? fields : { ...fields, secrets } });
  return matchedCount === 1 ? after : null;
}

/** Answers whether this edition was there to be removed. */
export async function removeSource({ sources }: Store, { name, version, createdAt }: Source): Promise<boolean> {
  return (await sources.deleteOne({ _id: name, version, createdAt })).deletedCount === 1;
}

/** The schema is kept as its text: MongoDB would read meaning into names with `$` and lose their order. */
const toDocument = ({ vault }: Store, { name, schema, secrets, ...rest }: Source): SourceDocument => ({
  _id: name, ...rest, secrets: secrets.map((secret) => vault.keepNew(ingestOf(name), secret, rest.createdAt)), schema: schema === null ? null : JSON.stringify(schema),
});

/** A secret that does not open is left out: nothing that it signed can be told from a forgery. */
const toSource = ({ vault }: Store, { _id, schema, secrets, ...rest }: SourceDocument): Source => ({
  name: _id, ...rest, secrets: vault.read(ingestOf(_id), secrets).flatMap((one) => ('secret' in one ? [one.secret] : [])), schema: schema === null ? null : (JSON.parse(schema) as Source['schema']),
});
