/** Statements on `lanes` (T10): who may send to a target. `term` rises at each taking and fences whoever held it before. */
import type { SessionId, TargetId } from '../domain/ids.ts';
import type { LaneDocument, Store } from './store.ts';

export interface LaneRecord {
  readonly targetId: TargetId;
  readonly owner: SessionId | null;
  readonly term: number;
  /** Set by a receiver's Retry-After; on the server's clock. */
  readonly holdUntil: Date | null;
}

/** Makes sure that every target has a lane, and answers all lanes. */
export async function listLanes(store: Store, targetIds: readonly TargetId[]): Promise<readonly LaneRecord[]> {
  const found = (await store.lanes.find().toArray()).map(toLane);
  const missing = targetIds.filter((id) => !found.some(({ targetId }) => targetId === id));
  if (missing.length === 0) return found;
  const operations = missing.map((id) => ({ updateOne: { filter: { _id: id }, update: { $setOnInsert: { owner: null, term: 0 } }, upsert: true } }));
  await store.lanes.bulkWrite(operations, { ordered: false });
  return (await store.lanes.find().toArray()).map(toLane);
}

const toLane = ({ _id, owner, term, holdUntil }: LaneDocument): LaneRecord => ({ targetId: _id, owner, term, holdUntil: holdUntil ?? null });

/** Takes a lane that is as it was read: free, or its owner's session ended. Null when somebody was faster. */
export async function takeLane({ lanes }: Store, seen: LaneRecord, session: SessionId): Promise<LaneRecord | null> {
  const taken = await lanes.findOneAndUpdate({ _id: seen.targetId, owner: seen.owner, term: seen.term }, { $set: { owner: session }, $inc: { term: 1 } }, { returnDocument: 'after' });
  return taken === null ? null : toLane(taken);
}

/** Gives a lane back; its change event hands it over. */
export async function releaseLane({ lanes }: Store, targetId: TargetId, session: SessionId, term: number): Promise<void> {
  await lanes.updateOne({ _id: targetId, owner: session, term }, { $set: { owner: null } });
}

export async function findLane({ lanes }: Store, targetId: TargetId): Promise<LaneRecord | null> {
  const found = await lanes.findOne({ _id: targetId });
  return found === null ? null : toLane(found);
}

/** Takes out the lane of a target that is gone. */
export async function removeLane({ lanes }: Store, targetId: TargetId): Promise<void> {
  await lanes.deleteOne({ _id: targetId });
}

/** Keeps the whole lane from sending until then, over restarts and changes of owner; a longer hold stays. */
export async function holdLane({ lanes }: Store, targetId: TargetId, until: Date): Promise<void> {
  await lanes.updateOne({ _id: targetId }, { $max: { holdUntil: until } });
}
