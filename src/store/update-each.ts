/**
 * Updates that differ from document to document, in one unordered command. The driver's `bulkWrite` would make them repeatable by
 * itself, and for that mongod keeps a record in the session for each of them (measured in a replay: 12 % of what an update
 * costs). Everybody who updates by this says in its filter what it believes, and may repeat it himself.
 */
import type { Document, Filter, UpdateFilter } from 'mongodb';
import { plainWrite } from './plain-write.ts';
import { DURABLE, type Store } from './store.ts';
import { WriteRefusedError } from './write-errors.ts';

export interface Change<Schema extends Document> {
  readonly filter: Filter<Schema>;
  readonly update: UpdateFilter<Schema> | readonly Document[];
  /** All that match, and not the first only. */
  readonly multi?: true;
}

/**
 * Answers how many documents matched, of all changes together.
 * @throws what the driver throws, a write concern that was not met included, and WriteRefusedError
 */
export async function updateEach<Schema extends Document>({ db }: Store, collection: string, changes: readonly Change<Schema>[]): Promise<number> {
  if (changes.length === 0) return 0;
  const updates = changes.map(({ filter, update, multi = false }) => ({ q: filter, u: update, multi }));
  const { n, writeErrors: [refused] } = await plainWrite(db, { update: collection, updates }, DURABLE);
  if (refused !== undefined) throw new WriteRefusedError(refused);
  return n;
}
