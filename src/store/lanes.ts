/** Statements on `lanes` (T10): who may send to a target. `term` rises at each taking and fences whoever held it before. */
import { WELL, type BreakerState, type Health } from '../domain/breaker.ts';
import type { SessionId, TargetId } from '../domain/ids.ts';
import type { BreakerDocument, LaneDocument, Store } from './store.ts';

export interface LaneRecord {
  readonly targetId: TargetId;
  readonly owner: SessionId | null;
  readonly term: number;
  /** Set by a receiver's Retry-After; on the server's clock. */
  readonly holdUntil: Date | null;
  /** As its last owner wrote it down. */
  readonly health: Health;
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

const toLane = ({ _id, owner, term, holdUntil, breaker }: LaneDocument): LaneRecord => ({ targetId: _id, owner, term, holdUntil: holdUntil ?? null, health: breaker === undefined ? WELL : toHealth(breaker) });

const toHealth = (document: BreakerDocument): Health => ({
  breaker: toState(document), failingSinceMs: document.failingSince?.getTime() ?? null, failures: document.failures, spells: document.spells,
});

function toState({ state, until, openings = 1, why = 'paused' }: BreakerDocument): BreakerState {
  if (state === 'open') return { kind: state, untilMs: until?.getTime() ?? 0, openings };
  if (state === 'recovering') return { kind: state, places: 1, openings };
  return state === 'off' ? { kind: state, why } : { kind: state };
}

function fromHealth({ breaker, failingSinceMs, failures, spells }: Health): BreakerDocument {
  const document: BreakerDocument = { state: breaker.kind, failures, spells };
  if (breaker.kind === 'open') document.until = new Date(breaker.untilMs);
  if (breaker.kind === 'open' || breaker.kind === 'recovering') document.openings = breaker.openings;
  if (breaker.kind === 'off') document.why = breaker.why;
  if (failingSinceMs !== null) document.failingSince = new Date(failingSinceMs);
  return document;
}

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

/** Writes down a target's health, as the owner of that term; a later owner's word stays. */
export async function storeHealth({ lanes }: Store, targetId: TargetId, term: number, health: Health): Promise<void> {
  await lanes.updateOne({ _id: targetId, term }, { $set: { breaker: fromHealth(health) } });
}
