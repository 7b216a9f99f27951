/**
 * The indexes, made by the programs themselves at each start and after a collection was dropped; making one that exists is a
 * no-op, so several may start at once. TTL indexes collect garbage; nothing is ever timed by them.
 */
import type { Store } from './store.ts';

const DAY_S = 86_400;
const FIRED_TIMER_S = 3_600;

/** Creates what is missing and adjusts the retention. `retentionDays` counts from an event's settling. */
export async function ensureIndexes({ db, events, deliveries, schedule, targets, sessions }: Store, retentionDays: number): Promise<void> {
  const expireAfterSeconds = retentionDays * DAY_S;
  await Promise.all([
    events.createIndexes([
      { key: { source: 1, idempotencyKey: 1 }, name: 'idempotency', unique: true },
      { key: { status: 1, _id: 1 }, name: 'failed', partialFilterExpression: { status: { $in: ['FAILED_TEMPORARILY', 'FAILED_PERMANENTLY'] } } },
      { key: { pendingFanOut: 1, _id: 1 }, name: 'pendingFanOut', partialFilterExpression: { pendingFanOut: true } },
      { key: { type: 1, _id: 1 }, name: 'type' },
    ]),
    deliveries.createIndexes([
      { key: { targetId: 1, wakeAt: 1 }, name: 'wake', partialFilterExpression: { wakeAt: { $exists: true } } },
      { key: { targetId: 1, state: 1, _id: 1 }, name: 'state' },
      { key: { eventId: 1 }, name: 'event' },
    ]),
    schedule.createIndexes([
      { key: { dueAt: 1 }, name: 'due', partialFilterExpression: { state: 'waiting' } },
      { key: { firedAt: 1 }, name: 'fired', expireAfterSeconds: FIRED_TIMER_S },
    ]),
    targets.createIndexes([{ key: { status: 1 }, name: 'status' }]),
    sessions.createIndexes([{ key: { member: 1 }, name: 'member', unique: true, partialFilterExpression: { live: true } }, { key: { endedAt: 1 }, name: 'ended', expireAfterSeconds: DAY_S }]),
  ]);
  await Promise.all([ensureRetention(db, 'events', expireAfterSeconds), ensureRetention(db, 'deliveries', expireAfterSeconds)]);
}

const INDEX_OPTIONS_CONFLICT = 85;

/** A TTL index on `settledAt`, its age changed in place when the configuration has changed. */
async function ensureRetention(db: Store['db'], collection: string, expireAfterSeconds: number): Promise<void> {
  try {
    await db.collection(collection).createIndexes([{ key: { settledAt: 1 }, name: 'retention', expireAfterSeconds }]);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === INDEX_OPTIONS_CONFLICT)) throw error;
    await db.command({ collMod: collection, index: { name: 'retention', expireAfterSeconds } });
  }
}
