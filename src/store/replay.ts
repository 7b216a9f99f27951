/**
 * Replay (T8): settled deliveries are ready again. The order of the steps makes a crash between any two of them harmless:
 *
 *   the events are reopened and counted     retention can no longer prune what is about to be owed; no late mark is believed
 *   each delivery moves by a guarded write  one that has moved on since it was read is left alone, so nothing is replayed twice
 *   timers due now are written and fired    they wake the lanes; without them the sweep finds the deliveries by their time
 *   the status words are computed again     events whose deliveries did not all move were reopened too
 *
 * Run again after a crash it finds what is left, because it goes by the state of deliveries and not by the words on events.
 */
import type { Filter } from 'mongodb';
import type { DeadDelivery, DeliveredDelivery } from '../domain/delivery.ts';
import type { EventStatus } from '../domain/event.ts';
import { eventStatusOf, isFinalStatus, type DeliveryProgress } from '../domain/event-status.ts';
import { newReplayId, type DeliveryId, type EventId, type ReplayId, type TargetId } from '../domain/ids.ts';
import { progressOf } from './deliveries.ts';
import type { EventHead } from './events.ts';
import { fireTimers, writeTimers, type Timer } from './schedule.ts';
import type { DeliveryDocument, EventDocument, Store } from './store.ts';
import { updateEach, type Change } from './update-each.ts';

export type SettledDelivery = DeadDelivery | DeliveredDelivery;

export interface ReplayResult {
  /** As they were before. */
  readonly replayed: readonly SettledDelivery[];
  /** Replayed by somebody else since they were read. */
  readonly movedOn: readonly SettledDelivery[];
  /** Their events were pruned, so there is nothing left to send. */
  readonly gone: readonly SettledDelivery[];
}

export async function replayDeliveries(store: Store, settled: readonly SettledDelivery[]): Promise<ReplayResult> {
  const eventIds = [...new Set(settled.map(({ eventId }) => eventId))];
  await reopenEvents(store, eventIds);
  const present = new Set((await findWords(store, eventIds)).map(({ id }) => id));
  const sendable = settled.filter(({ eventId }) => present.has(eventId));
  const wakeAts = await moveAll(store, sendable);
  const moved = sendable.filter(({ id }) => wakeAts.has(id));
  const timers = timersOf(moved, wakeAts);
  if (timers.length > 0) await wake(store, timers);
  await restateEvents(store, [...present]);
  return {
    replayed: moved,
    movedOn: sendable.filter(({ id }) => !wakeAts.has(id)),
    gone: settled.filter(({ eventId }) => !present.has(eventId)),
  };
}

/** Written first and then fired, like every timer; between the two a crash leaves one that the scheduler fires. */
async function wake(store: Store, timers: readonly Timer[]): Promise<void> {
  await writeTimers(store, timers);
  await fireTimers(store, timers);
}

/** The events are open again, out of reach of retention, and marked: should we end here, the sweep looks at them again. */
async function reopenEvents({ events }: Store, ids: readonly EventId[]): Promise<void> {
  await events.updateMany({ _id: { $in: [...ids] } }, { $unset: { settledAt: '' }, $set: { status: 'RECEIVED', pendingFanOut: true }, $inc: { reopened: 1 } });
}

/**
 * Moves them by one command: one for each would be a flush of the journal for each, and take MongoDB away from whatever else
 * goes on. A command tells only how many have moved, so they are stamped, and found by the stamp. Answers when each of those that
 * moved is due; null when it has been attempted already, so that there is none to wake.
 */
async function moveAll(store: Store, settled: readonly SettledDelivery[]): Promise<ReadonlyMap<DeliveryId, Date | null>> {
  const replay = newReplayId();
  const alike = groupBy(settled, ({ generation, state }) => `${generation} ${state}`);
  await updateEach<DeliveryDocument>(store, 'deliveries', alike.map(([first, ids]) => moveOf(first, ids, replay)));
  const moved = await store.deliveries.find({ _id: { $in: settled.map(({ id }) => id) }, replay }, { projection: { wakeAt: 1 } }).toArray();
  return new Map(moved.map(({ _id, wakeAt = null }) => [_id, wakeAt]));
}

/** Makes settled deliveries of one generation ready, due at once by the server's clock. */
const moveOf = ({ generation, state }: SettledDelivery, ids: readonly DeliveryId[], replay: ReplayId): Change<DeliveryDocument> => ({
  filter: { _id: { $in: [...ids] }, generation, state },
  update: [{ $set: { state: 'ready', generation: generation + 1, attemptCount: 0, wakeAt: '$$NOW', replay } }, { $unset: ['settledAt', 'reason'] }],
  multi: true,
});

/** The first of each group stands for what its members have in common. */
function groupBy<Item extends { readonly id: string }>(items: readonly Item[], keyOf: (item: Item) => string): readonly (readonly [Item, readonly Item['id'][]])[] {
  const groups = new Map<string, readonly [Item, Item['id'][]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item, [item.id]]);
    else group[1].push(item.id);
  }
  return [...groups.values()];
}

/** For the first attempt of the new generation, due by the same clock as the delivery. */
const timersOf = (moved: readonly SettledDelivery[], wakeAts: ReadonlyMap<DeliveryId, Date | null>): readonly Timer[] =>
  moved.flatMap(({ id, targetId, generation }) => {
    const dueAt = wakeAts.get(id) ?? null;
    return dueAt === null ? [] : [{ deliveryId: id, targetId, generation: generation + 1, attempt: 1, dueAt }];
  });

/**
 * Computes the words of these events again. Words are read before progress, and written only over what was read: whoever wrote
 * in between has seen more, and is seen in turn by reading once more.
 */
export async function restateEvents(store: Store, ids: readonly EventId[]): Promise<void> {
  for (let done = false; !done; ) {
    const words = await findWords(store, ids);
    const progress = await progressOf(store, words);
    const wrong = words.flatMap((word) => rightWord(word, progress.get(word.id) ?? []));
    done = wrong.length === 0 || (await rewriteWords(store, wrong));
  }
}

type Word = EventHead & Pick<EventDocument, 'status' | 'settledAt' | 'pendingFanOut' | 'reopened'>;

interface Restatement {
  readonly id: EventId;
  /** As read. */
  readonly word: Omit<Word, keyof EventHead>;
  readonly to: EventStatus;
  readonly isFannedOut: boolean;
}

/** Nothing when the word is right already. */
function rightWord({ id, targetIds, ...word }: Word, known: readonly DeliveryProgress[]): readonly Restatement[] {
  const { status, settledAt, pendingFanOut } = word;
  const to = eventStatusOf(targetIds.length, known);
  const isFannedOut = known.length >= targetIds.length;
  const isRight = status === to && isFinalStatus(to) === (settledAt !== undefined) && !(isFannedOut && pendingFanOut === true);
  return isRight ? [] : [{ id, word, to, isFannedOut }];
}

/** The words of those events that exist. */
async function findWords({ events }: Store, ids: readonly EventId[]): Promise<readonly Word[]> {
  const found = await events.find({ _id: { $in: [...ids] } }, { projection: { targetIds: 1, status: 1, settledAt: 1, pendingFanOut: 1, reopened: 1 } }).toArray();
  return found.map(({ _id, ...word }) => ({ id: _id, ...word }));
}

/** Durable, unlike other marks: these words are in doubt, and nobody might look at them again. Answers whether all matched. */
async function rewriteWords(store: Store, wrong: readonly Restatement[]): Promise<boolean> {
  const alike = groupBy(wrong, ({ id: _, ...rest }) => JSON.stringify(rest));
  return (await updateEach(store, 'events', alike.map(([first, ids]) => rewriteOf(first, ids)))) === wrong.length;
}

/** Of events that say the same, and are to say the same. */
function rewriteOf({ word: { status, ...rest }, to, isFannedOut }: Restatement, ids: readonly EventId[]): Change<EventDocument> {
  const asRead = { settledAt: rest.settledAt ?? ABSENT, pendingFanOut: rest.pendingFanOut ?? ABSENT, reopened: rest.reopened ?? ABSENT };
  const final = isFinalStatus(to);
  const unset = { ...(isFannedOut ? { pendingFanOut: '' as const } : {}), ...(final ? {} : { settledAt: '' as const }) };
  const update = { $set: { status: to }, $unset: unset, ...(final ? { $currentDate: { settledAt: true } as const } : {}) };
  return { filter: { _id: { $in: [...ids] }, status, ...asRead }, update, multi: true };
}

const ABSENT = { $exists: false };

export interface SettledSearch {
  /** At most 100: the server merges one index scan for each, and gives up merging at 200 (internalQueryMaxScansToExplode). */
  readonly targetIds: readonly TargetId[];
  readonly state: SettledDelivery['state'];
  /** Bounds of `_id`, which begins with the event's id and so with its time. */
  readonly after: string | null;
  readonly before: string | null;
  readonly limit: number;
}

/** Settled deliveries by id, which is oldest event first; each with its last attempt only. */
export async function findSettled({ deliveries }: Store, { targetIds, state, after, before, limit }: SettledSearch): Promise<readonly SettledDelivery[]> {
  const filter: Filter<DeliveryDocument> = { targetId: { $in: [...targetIds] }, state, _id: { $gt: (after ?? '') as DeliveryId, ...(before === null ? {} : { $lt: before as DeliveryId }) } };
  // Without the hint the order alone could tempt the planner to walk through all of `_id`, which it must for the delivered: they are in no other index.
  const hint = state === 'dead' ? 'unfinished' : '_id_';
  const found = await deliveries.find(filter, { projection: { attempts: { $slice: -1 } }, sort: { _id: 1 }, hint, limit }).toArray();
  return found.flatMap(toSettled);
}

/** Those of the given deliveries that are settled, with their last attempt only. */
export async function findSettledAmong({ deliveries }: Store, ids: readonly DeliveryId[]): Promise<readonly SettledDelivery[]> {
  const found = await deliveries.find({ _id: { $in: [...ids] }, state: { $in: ['dead', 'delivered'] } }, { projection: { attempts: { $slice: -1 } } }).toArray();
  return found.flatMap(toSettled);
}

function toSettled({ _id: id, eventId, targetId, generation, attemptCount, attempts, state, settledAt = new Date(0), reason = 'unknown' }: DeliveryDocument): readonly SettledDelivery[] {
  const base = { id, eventId, targetId, generation, attemptCount, attempts, settledAt };
  if (state === 'dead') return [{ ...base, state, reason }];
  return state === 'delivered' ? [{ ...base, state }] : [];
}

/** Which of these events have a type of this pattern: an exact type, or a prefix such as `order.*`. */
export async function eventsOfType({ events }: Store, ids: readonly EventId[], pattern: string): Promise<ReadonlySet<EventId>> {
  const found = await events.find({ _id: { $in: [...ids] }, type: typeFilter(pattern) }, { projection: { _id: 1 } }).toArray();
  return new Set(found.map(({ _id }) => _id));
}

/** What begins with `order.` sorts from there to before `order/`, the next character after the dot. */
const typeFilter = (pattern: string): string | { readonly $gte: string; readonly $lt: string } =>
  pattern.endsWith('.*') ? { $gte: pattern.slice(0, -1), $lt: `${pattern.slice(0, -2)}/` } : pattern;

/** The server's time, which is the one that relative times are counted from. */
export async function serverTime({ db }: Store): Promise<Date> {
  const reply: unknown = (await db.command({ hello: 1 }))['localTime'];
  if (!(reply instanceof Date)) throw new Error('Expected localTime in the answer to hello, got none');
  return reply;
}
