/**
 * Reads for whoever looks after the system: how much is owed to a target, how far streams are, how far back the oplog reaches. Each is
 * bounded, by its limit and by an index that is there anyway, so that looking costs next to nothing however much there is. What this
 * user may not see is told as null, not as a fault.
 */
import { MongoServerError, type Db, type Document, type Filter, type Timestamp } from 'mongodb';
import type { DeliveryState } from '../domain/delivery.ts';
import type { EventId, TargetId } from '../domain/ids.ts';
import type { DeliveryDocument, Store } from './store.ts';

/** How many there are, counted up to a limit. */
export interface Count {
  readonly value: number;
  readonly more: boolean;
}

/** Of those in no such state there is no index: whatever is done with is left to itself. */
export type UnfinishedState = Exclude<DeliveryState, 'delivered'>;

/** One more than the limit is looked for, to know whether there are more. */
const counted = (found: number, limit: number): Count => ({ value: Math.min(found, limit), more: found > limit });

export async function countInState({ deliveries }: Store, targetId: TargetId, state: UnfinishedState, limit: number): Promise<Count> {
  return counted(await deliveries.countDocuments({ targetId, state }, { limit: limit + 1 }), limit);
}

/** The states are named for the index's sake: `wakeAt` exists in no other. */
const openOf = (targetId: TargetId): Filter<DeliveryDocument> => ({ targetId, state: { $in: ['ready', 'waiting'] } });
const dueAt = (targetId: TargetId, now: Date): Filter<DeliveryDocument> => ({ ...openOf(targetId), wakeAt: { $lte: now } });

/** Open deliveries, due or not. */
export async function countOpen({ deliveries }: Store, targetId: TargetId, limit: number): Promise<Count> {
  return counted(await deliveries.countDocuments({ targetId, state: { $in: ['ready', 'waiting'] } }, { limit: limit + 1, hint: 'unfinished' }), limit);
}

/** When the open delivery that comes first wakes, or has woken; null when there is none. */
export async function firstWakeAt({ deliveries }: Store, targetId: TargetId): Promise<Date | null> {
  return (await deliveries.findOne({ targetId, state: { $in: ['ready', 'waiting'] }, wakeAt: { $exists: true } }, { projection: { _id: 0, wakeAt: 1 }, sort: { wakeAt: 1 }, hint: 'turn' }))?.wakeAt ?? null;
}

/** Open deliveries that are due. */
export async function countDue({ deliveries }: Store, targetId: TargetId, now: Date, limit: number): Promise<Count> {
  return counted(await deliveries.countDocuments(dueAt(targetId, now), { limit: limit + 1 }), limit);
}

/** Since when the one that waits longest is due; null when none is. */
export async function oldestDueAt({ deliveries }: Store, targetId: TargetId, now: Date): Promise<Date | null> {
  return (await deliveries.findOne(dueAt(targetId, now), { projection: { _id: 0, wakeAt: 1 }, sort: { wakeAt: 1 } }))?.wakeAt ?? null;
}

/** When the next of those that are not due yet is; null when there are none. */
export async function nextWakeAt({ deliveries }: Store, targetId: TargetId, now: Date): Promise<Date | null> {
  return (await deliveries.findOne({ ...openOf(targetId), wakeAt: { $gt: now } }, { projection: { _id: 0, wakeAt: 1 }, sort: { wakeAt: 1 } }))?.wakeAt ?? null;
}

/** Events without all their delivery documents. */
export async function countPendingFanOut({ events }: Store, limit: number): Promise<Count> {
  return counted(await events.countDocuments({ pendingFanOut: true }, { limit: limit + 1 }), limit);
}

export async function oldestPendingFanOut({ events }: Store): Promise<EventId | null> {
  return (await events.findOne({ pendingFanOut: true }, { projection: { _id: 1 }, sort: { pendingFanOut: 1, _id: 1 } }))?._id ?? null;
}

export interface StreamPlace {
  readonly member: string;
  /** How far the stream had come, on the cluster's clock. */
  readonly reachedAt: Date;
  readonly savedAt: Date;
}

export async function streamPlaces({ resumeTokens }: Store, members: readonly string[]): Promise<readonly StreamPlace[]> {
  const found = await resumeTokens.find({ _id: { $in: [...members] } }, { projection: { clusterTime: 1, savedAt: 1 } }).toArray();
  return found.map(({ _id, clusterTime, savedAt }) => ({ member: _id, reachedAt: dateOf(clusterTime), savedAt }));
}

/** To the second: the rest of it is a counter. */
const dateOf = (time: Timestamp): Date => new Date(time.t * 1_000);

export interface OplogWindow {
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** Null when this user may not read `local`. */
export const oplogWindow = ({ db }: Store): Promise<OplogWindow | null> => unlessRefused(async () => {
  const [firstAt, lastAt] = await Promise.all([oplogEntryAt(db, 1), oplogEntryAt(db, -1)]);
  return firstAt === null || lastAt === null ? null : { firstAt, lastAt };
});

async function oplogEntryAt(db: Db, direction: 1 | -1): Promise<Date | null> {
  const oplog = db.client.db('local').collection<{ ts: Timestamp }>('oplog.rs');
  const entry = await oplog.findOne({}, { sort: { $natural: direction }, projection: { _id: 0, ts: 1 } });
  return entry === null ? null : dateOf(entry.ts);
}

export interface SetMember {
  readonly name: string;
  /** The server's own word: PRIMARY, SECONDARY, … */
  readonly state: string;
}

/** Null when this user may not ask. */
export const setMembers = ({ db }: Store): Promise<readonly SetMember[] | null> => unlessRefused(async () => {
  const { members } = (await db.client.db('admin').command({ replSetGetStatus: 1 })) as { readonly members: readonly Document[] };
  return members.map(({ name, stateStr }) => ({ name: String(name), state: String(stateStr) }));
});

export async function serverVersion({ db }: Store): Promise<string> {
  return String((await db.command({ buildInfo: 1 }))['version']);
}

/** Unauthorized, and what hosted services say instead. */
const REFUSALS: ReadonlySet<number> = new Set([13, 8_000]);

async function unlessRefused<Result>(read: () => Promise<Result>): Promise<Result | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof MongoServerError && REFUSALS.has(Number(error.code))) return null;
    throw error;
  }
}
