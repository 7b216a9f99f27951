/**
 * Statements on `deliveries`. Every move is one filtered write on one document: the filter says what the writer believes, and
 * a write that matches nothing is the answer "you are late".
 */
import type { Filter, UpdateFilter } from 'mongodb';
import { ATTEMPTS_KEPT, type Attempt } from '../domain/attempt.ts';
import type { Delivery, DeliveryClaim, OpenDelivery } from '../domain/delivery.ts';
import type { DeliveryProgress } from '../domain/event-status.ts';
import { deliveryIdOf, type DeliveryId, type EventId, type TargetId } from '../domain/ids.ts';
import type { EventHead } from './events.ts';
import { insertNew } from './insert-new.ts';
import { endOpen } from './owed.ts';
import type { DeliveryDocument, Store } from './store.ts';
import { updateEach, type Change } from './update-each.ts';

/** Where a delivery goes after an attempt. `at` is on the server's clock. */
export type SettledState =
  | { readonly state: 'delivered'; readonly at: Date }
  | { readonly state: 'dead'; readonly at: Date; readonly reason: string }
  | { readonly state: 'waiting'; readonly wakeAt: Date };

export interface Settlement {
  readonly claim: DeliveryClaim;
  /** The attempt and its quick retries, in order; all carry one number. */
  readonly attempts: readonly Attempt[];
  readonly to: SettledState;
}

/** T2. First results, as whole documents; answers the indexes that exist already. */
export const insertFirstResults = ({ db }: Store, settlements: readonly Settlement[]): Promise<readonly number[]> =>
  insertNew(db, 'deliveries', settlements.map(firstDocument));

function firstDocument({ claim: { id, eventId, targetId, generation, attemptCount }, attempts, to }: Settlement): DeliveryDocument {
  const document: DeliveryDocument = { _id: id, eventId, targetId, state: to.state, generation, attemptCount: attemptCount + 1, attempts: attempts.slice(-ATTEMPTS_KEPT) };
  if (to.state === 'waiting') document.wakeAt = to.wakeAt;
  else document.settledAt = to.at;
  if (to.state === 'dead') document.reason = to.reason;
  return document;
}

/** T5. Results of deliveries that have a document. Answers whether every one of them matched. */
export async function settleOpenDeliveries(store: Store, settlements: readonly Settlement[]): Promise<boolean> {
  const changes = settlements.map((settlement): Change<DeliveryDocument> => ({ filter: openFilter(settlement), update: settleUpdate(settlement) }));
  return (await updateEach(store, 'deliveries', changes)) === settlements.length;
}

/** A proven 2xx is accepted in any unsettled state, even from a late holder; a late failure changes nothing. */
function openFilter({ claim, to }: Settlement): Filter<DeliveryDocument> {
  const open: Filter<DeliveryDocument> = { _id: claim.id, state: { $in: ['ready', 'waiting'] } };
  return to.state === 'delivered' ? open : { ...open, generation: claim.generation, attemptCount: claim.attemptCount };
}

function settleUpdate({ attempts, to }: Settlement): UpdateFilter<DeliveryDocument> {
  const moved = { $inc: { attemptCount: 1 }, $push: { attempts: { $each: [...attempts], $slice: -ATTEMPTS_KEPT } } };
  if (to.state === 'waiting') return { ...moved, $set: { state: 'waiting', wakeAt: to.wakeAt } };
  const reason = to.state === 'dead' ? { reason: to.reason } : {};
  return { ...moved, $set: { state: to.state, settledAt: to.at, ...reason }, $unset: { wakeAt: '' } };
}

/** T3. Parks deliveries as ready. One that has a document already is left as it is. */
export async function parkDeliveries({ db }: Store, claims: readonly DeliveryClaim[], wakeAt: Date): Promise<void> {
  const documents = claims.map(({ id, eventId, targetId }): DeliveryDocument => ({ _id: id, eventId, targetId, state: 'ready', generation: 0, attemptCount: 0, attempts: [], wakeAt }));
  await insertNew(db, 'deliveries', documents);
}

/** Open deliveries whose event is gone have nothing left to send: they end as dead, with that reason. */
export const endOrphans = (store: Store, ids: readonly DeliveryId[]): Promise<void> => endOpen(store, ids, 'event gone: nothing is left to send');

/** Which of these have a document, in whatever state. */
export async function existingDeliveries({ deliveries }: Store, ids: readonly DeliveryId[]): Promise<ReadonlySet<DeliveryId>> {
  const found = await deliveries.find({ _id: { $in: [...ids] } }, { projection: { _id: 1 } }).toArray();
  return new Set(found.map(({ _id }) => _id));
}

export async function findDeliveries({ deliveries }: Store, ids: readonly DeliveryId[]): Promise<readonly Delivery[]> {
  return (await deliveries.find({ _id: { $in: [...ids] } }).toArray()).map(toDelivery);
}

export async function findDeliveriesOfEvent({ deliveries }: Store, eventId: EventId): Promise<readonly Delivery[]> {
  // An id begins with its event's, and 0 is the next character after the slash.
  return (await deliveries.find({ _id: { $gt: `${eventId}/` as DeliveryId, $lt: `${eventId}0` as DeliveryId } }).sort({ _id: 1 }).toArray()).map(toDelivery);
}

/** The states are named so that the index is used by its order; `wakeAt` exists in no other. */
const OPEN: Filter<DeliveryDocument> = { state: { $in: ['ready', 'waiting'] } };
const DUE: Filter<DeliveryDocument> = { ...OPEN, wakeAt: { $exists: true }, $expr: { $lte: ['$wakeAt', '$$NOW'] } };

/** Open deliveries of one target that are due by the server's clock, oldest first: `ready`, not tried yet, or `waiting`, to be tried again. */
export async function findDue({ deliveries }: Store, targetId: TargetId, state: OpenDelivery['state'], limit: number): Promise<readonly OpenDelivery[]> {
  return toOpen(await deliveries.find({ targetId, ...DUE, state }, { projection: { attempts: 0 }, sort: { wakeAt: 1 }, limit }).toArray());
}

/** The same over several targets, in no order: to learn which of them have something due at all. */
export async function findDueOfAny({ deliveries }: Store, targetIds: readonly TargetId[], limit: number): Promise<readonly OpenDelivery[]> {
  return toOpen(await deliveries.find({ targetId: { $in: [...targetIds] }, ...DUE }, { projection: { attempts: 0 }, limit }).toArray());
}

/** Those of the given deliveries that are open and due by the server's clock. */
export async function findDueAmong({ deliveries }: Store, ids: readonly DeliveryId[]): Promise<readonly OpenDelivery[]> {
  return toOpen(await deliveries.find({ _id: { $in: [...ids] }, ...DUE }, { projection: { attempts: 0 } }).toArray());
}

const toOpen = (documents: readonly DeliveryDocument[]): readonly OpenDelivery[] =>
  documents.map(toDelivery).filter((delivery): delivery is OpenDelivery => delivery.state === 'ready' || delivery.state === 'waiting');

/** How far the deliveries of these events have come, by event. */
export async function progressOf({ deliveries }: Store, events: readonly EventHead[]): Promise<ReadonlyMap<EventId, readonly DeliveryProgress[]>> {
  const ids = events.flatMap(({ id, targetIds }) => targetIds.map((targetId) => deliveryIdOf(id, targetId)));
  const byEvent = new Map<EventId, DeliveryProgress[]>();
  // Events may have many targets each, and a command holds 48 MB.
  for (let from = 0; from < ids.length; from += PROGRESS_PAGE) {
    const found = await deliveries.find({ _id: { $in: ids.slice(from, from + PROGRESS_PAGE) } }, { projection: { eventId: 1, state: 1, attemptCount: 1 } }).toArray();
    for (const { eventId, state, attemptCount } of found) listIn(byEvent, eventId).push({ state, attemptCount });
  }
  return byEvent;
}

const PROGRESS_PAGE = 20_000;

function listIn<Key, Item>(lists: Map<Key, Item[]>, key: Key): Item[] {
  const known = lists.get(key);
  if (known !== undefined) return known;
  const list: Item[] = [];
  lists.set(key, list);
  return list;
}

/** Events with a delivery settled at or after that moment, oldest first. */
export async function findSettledSince({ deliveries }: Store, since: Date, limit: number): Promise<readonly { readonly eventId: EventId; readonly settledAt: Date }[]> {
  const found = await deliveries.find({ settledAt: { $gte: since } }, { projection: { eventId: 1, settledAt: 1 }, sort: { settledAt: 1 }, limit }).toArray();
  return found.map(({ eventId, settledAt }) => ({ eventId, settledAt: settledAt ?? since }));
}

function toDelivery(document: DeliveryDocument): Delivery {
  const { _id: id, eventId, targetId, generation, attemptCount, state } = document;
  // Statements that need no attempts leave them out of the projection.
  const attempts = (document as Partial<DeliveryDocument>).attempts ?? [];
  const base = { id, eventId, targetId, generation, attemptCount, attempts };
  const never = new Date(0);
  if (state === 'delivered') return { ...base, state, settledAt: document.settledAt ?? never };
  if (state === 'dead') return { ...base, state, settledAt: document.settledAt ?? never, reason: document.reason ?? 'unknown' };
  return { ...base, state, wakeAt: document.wakeAt ?? never };
}
