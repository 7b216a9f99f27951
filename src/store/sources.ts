/** Statements on `sources`. Secrets pass through `toDocument` and `toSource` and nowhere else. */
import type { Source } from '../domain/source.ts';
import type { SourceDocument, Store } from './store.ts';
import { isDuplicateKey } from './write-errors.ts';

/** Which source a name stands for now: deleted and made again it is another one, whatever its version. */
export const editionOf = ({ version, createdAt }: Pick<Source, 'version' | 'createdAt'>): string => `${version} of ${createdAt.getTime()}`;

export async function listSources({ sources }: Store): Promise<readonly Source[]> {
  return (await sources.find().sort({ _id: 1 }).toArray()).map(toSource);
}

/** One page, by name, after the given one. */
export async function listSourcesAfter({ sources }: Store, after: string | null, limit: number): Promise<readonly Source[]> {
  return (await sources.find(after === null ? {} : { _id: { $gt: after } }, { sort: { _id: 1 }, limit }).toArray()).map(toSource);
}

/** The edition of each source. */
export async function sourceEditions({ sources }: Store): Promise<ReadonlyMap<string, string>> {
  return new Map((await sources.find({}, { projection: { version: 1, createdAt: 1 } }).toArray()).map((found) => [found._id, editionOf(found)]));
}

export async function findSource({ sources }: Store, name: string): Promise<Source | null> {
  const found = await sources.findOne({ _id: { $eq: name } });
  return found === null ? null : toSource(found);
}

/** Answers whether it was added: not when there is one of its name. */
export async function addSource({ sources }: Store, source: Source): Promise<boolean> {
  try {
    await sources.insertOne(toDocument(source));
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

/** Replaces the source that was read as `before`; answers null when it is not that one any more. */
export async function replaceSource({ sources }: Store, before: Source, wanted: Omit<Source, 'name' | 'version' | 'createdAt'>): Promise<Source | null> {
  const after: Source = { ...wanted, name: before.name, createdAt: before.createdAt, version: before.version + 1 };
  const { _id, ...fields } = toDocument(after);
  const { matchedCount } = await sources.replaceOne({ _id, version: before.version, createdAt: before.createdAt }, fields);
  return matchedCount === 1 ? after : null;
}

/** Answers whether this edition was there to be removed. */
export async function removeSource({ sources }: Store, { name, version, createdAt }: Source): Promise<boolean> {
  return (await sources.deleteOne({ _id: name, version, createdAt })).deletedCount === 1;
}

/** The schema is kept as its text: MongoDB would read meaning into names with `$` and lose their order. */
const toDocument = ({ name, schema, secrets, ...rest }: Source): SourceDocument => ({ _id: name, ...rest, secrets: [...secrets], schema: schema === null ? null : JSON.stringify(schema) });

const toSource = ({ _id, schema, ...rest }: SourceDocument): Source => ({ name: _id, ...rest, schema: schema === null ? null : (JSON.parse(schema) as Source['schema']) });
