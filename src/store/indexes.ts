/**
 * Which indexes there are, made and changed by the programs themselves at each start and after a collection was dropped; several
 * may start at once. TTL indexes collect garbage; nothing is ever timed by them.
 *
 * To change one: give the new definition a new name and retire the old name, so that the new one is there before the old one
 * goes. And raise SCHEMA_VERSION, so that a program that knows only the old one does not start and change it back.
 */
import { bringIndexesTo, type RetiredIndex, type WantedIndex } from './index-changes.ts';
import type { Store } from './store.ts';
import type { Patience } from './while-passing.ts';

const DAY_S = 86_400;
const FIRED_TIMER_S = 3_600;
const TARGET_HOURS_S = 8 * DAY_S;
const AUDIT_DAYS = 365;

/** Names that were ours once and are dropped where they still stand. */
const RETIRED: readonly RetiredIndex[] = [
  { collection: 'events', name: 'retention' },
  { collection: 'events', name: 'type' },
  { collection: 'deliveries', name: 'retention' },
  { collection: 'deliveries', name: 'state' },
  { collection: 'deliveries', name: 'event' },
  { collection: 'deliveries', name: 'wake' },
];

export interface IndexOptions extends Patience {
  readonly auditRetentionDays?: number;
}

/** By collection. `retentionDays` counts from an event's settling. */
export function wantedIndexes(retentionDays: number, auditRetentionDays = AUDIT_DAYS): Readonly<Record<string, readonly WantedIndex[]>> {
  // Partial, so that what is not settled has no entry, which would have to be taken out again when it is.
  const retention: WantedIndex = { key: { settledAt: 1 }, name: 'pruning', expireAfterSeconds: retentionDays * DAY_S, partialFilterExpression: { settledAt: { $exists: true } } };
  return {
    events: [
      { key: { source: 1, idempotencyKey: 1 }, name: 'idempotency', unique: true },
      { key: { status: 1, _id: 1 }, name: 'failed', partialFilterExpression: { status: { $in: ['FAILED_TEMPORARILY', 'FAILED_PERMANENTLY'] } } },
      { key: { pendingFanOut: 1, _id: 1 }, name: 'pendingFanOut', partialFilterExpression: { pendingFanOut: true } },
      retention,
    ],
    deliveries: [
      // By state, so that retries that are due are found behind any number of fresh deliveries, and the other way round.
      { key: { targetId: 1, state: 1, wakeAt: 1 }, name: 'turn', partialFilterExpression: { wakeAt: { $exists: true } } },
      { key: { targetId: 1, state: 1, _id: 1 }, name: 'unfinished', partialFilterExpression: { state: { $in: ['ready', 'waiting', 'dead'] } } },
      retention,
    ],
    schedule: [
      { key: { dueAt: 1 }, name: 'due', partialFilterExpression: { state: 'waiting' } },
      { key: { firedAt: 1 }, name: 'fired', expireAfterSeconds: FIRED_TIMER_S },
    ],
    targets: [{ key: { status: 1 }, name: 'status' }],
    targetHours: [{ key: { hour: 1 }, name: 'hour', expireAfterSeconds: TARGET_HOURS_S }],
    adminTokens: [{ key: { hash: 1 }, name: 'hash', unique: true }],
    audit: [
      { key: { subject: 1, _id: 1 }, name: 'subject' },
      { key: { at: 1 }, name: 'pruning', expireAfterSeconds: auditRetentionDays * DAY_S },
    ],
    sessions: [
      { key: { member: 1 }, name: 'member', unique: true, partialFilterExpression: { live: true } },
      { key: { endedAt: 1 }, name: 'ended', expireAfterSeconds: DAY_S },
    ],
  };
}

/**
 * Creates what is missing and changes what differs, such as the retention.
 * @throws FatalError when an index cannot be what it must be
 */
export const ensureIndexes = ({ db }: Store, retentionDays: number, { auditRetentionDays, ...patience }: IndexOptions = {}): Promise<void> =>
  bringIndexesTo(db, { wanted: wantedIndexes(retentionDays, auditRetentionDays), retired: RETIRED }, patience);
