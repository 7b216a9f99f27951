/**
 * Statements on `sessions` (T9): a processor's lease on being alive, judged by the server's clock. Once ended, a session
 * never comes back; its process must start another.
 */
import type { UpdateFilter } from 'mongodb';
import type { SessionId } from '../domain/ids.ts';
import { LEASE_MS } from '../domain/lease.ts';
import type { SessionDocument, Store } from './store.ts';
import { isDuplicateKey } from './write-errors.ts';

export interface SessionInfo {
  readonly id: SessionId;
  readonly member: string;
  readonly host: string;
  readonly pid: number;
  readonly until: Date;
  /** It has begun to end: nothing more is handed to it. */
  readonly leaving: boolean;
}

const LEASE_FROM_NOW = { $add: ['$$NOW', LEASE_MS] };
const LIVE = { live: true } as const;
const ending = (endedBy: SessionDocument['endedBy'] & string): UpdateFilter<SessionDocument> => ({ $set: { endedBy }, $unset: { live: '' }, $currentDate: { endedAt: true } });

/** Begins a session; answers the server's time, or null when the member has a live one, begun meanwhile by somebody else. */
export async function startSession({ sessions }: Store, { id, member, host, pid }: Omit<SessionInfo, 'until' | 'leaving'>): Promise<Date | null> {
  try {
    const session = await sessions.findOneAndUpdate({ _id: id }, [{ $set: { member, host, pid, live: true, until: LEASE_FROM_NOW } }], { upsert: true, returnDocument: 'after' });
    return serverTime(session?.until);
  } catch (error) {
    if (isDuplicateKey(error)) return null;
    throw error;
  }
}

/** Renews; answers the server's time, or null when the session has been ended. */
export async function renewSession({ sessions }: Store, id: SessionId): Promise<Date | null> {
  const session = await sessions.findOneAndUpdate({ _id: id, ...LIVE }, [{ $set: { until: LEASE_FROM_NOW } }], { returnDocument: 'after' });
  return session === null ? null : serverTime(session.until);
}

const serverTime = (until: Date | undefined): Date => new Date((until?.getTime() ?? 0) - LEASE_MS);

/** Who ended a session; null when it is live or unknown. */
export async function endingOf({ sessions }: Store, id: SessionId): Promise<string | null> {
  return (await sessions.findOne({ _id: id }))?.endedBy ?? null;
}

/** Tells the others, before the lanes are given back, that they need not be left to this session. */
export async function announceLeaving({ sessions }: Store, id: SessionId): Promise<void> {
  await sessions.updateOne({ _id: id, ...LIVE }, { $set: { leaving: true } });
}

export async function endSession({ sessions }: Store, id: SessionId): Promise<void> {
  await sessions.updateOne({ _id: id, ...LIVE }, ending('itself'));
}

/** Ends these sessions: a process that starts under a name replaces the dead one before it. */
export async function endPredecessors({ sessions }: Store, ids: readonly SessionId[]): Promise<void> {
  if (ids.length > 0) await sessions.updateMany({ _id: { $in: [...ids] }, ...LIVE }, ending('successor'));
}

/**
 * Ends sessions whose lease had run out by the server's clock, and at that moment, its time as the caller knows it: a statement
 * that waits out an outage must not end those who could not renew meanwhile. Answers how many.
 */
export async function endExpiredSessions({ sessions }: Store, at: Date): Promise<number> {
  const { modifiedCount } = await sessions.updateMany({ ...LIVE, $expr: { $lt: ['$until', { $min: ['$$NOW', at] }] } }, ending('expiry'));
  return modifiedCount;
}

/** The first last sign of life among the sessions that were found dead since that moment; null when there are none. */
export async function lastLifeOfDead({ sessions }: Store, since: Date): Promise<Date | null> {
  const [first] = await sessions.find({ endedAt: { $gte: since }, endedBy: { $in: ['expiry', 'successor'] } }, { projection: { until: 1 }, sort: { until: 1 }, limit: 1 }).toArray();
  return first === undefined ? null : serverTime(first.until);
}

/** Named by member too, so that the index on the living serves it and a day of ended ones is never looked at. */
export async function liveSessions({ sessions }: Store): Promise<readonly SessionInfo[]> {
  const found = await sessions.find({ ...LIVE, member: { $gt: '' } }).sort({ _id: 1 }).toArray();
  return found.map(({ _id, member, host, pid, until, leaving }) => ({ id: _id, member, host, pid, until, leaving: leaving === true }));
}
