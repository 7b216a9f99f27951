/** Statements on all that one target is owed: to end it, page by page, and to learn whether anything is left. */
import type { DeliveryId, EventId, TargetId } from '../domain/ids.ts';
import type { Store } from './store.ts';

export interface OwedDelivery {
  readonly id: DeliveryId;
  readonly eventId: EventId;
}

/** Open deliveries of a target, due or not, oldest event first. */
export async function findOpen({ deliveries }: Store, targetId: TargetId, limit: number): Promise<readonly OwedDelivery[]> {
  const found = await deliveries.find({ targetId, state: { $in: ['ready', 'waiting'] } }, { projection: { eventId: 1 }, hint: 'unfinished', limit }).toArray();
  return found.map(({ _id, eventId }) => ({ id: _id, eventId }));
}

/** Those of these that are still open end as dead, without an attempt. */
export async function endOpen({ deliveries }: Store, ids: readonly DeliveryId[], reason: string): Promise<void> {
  await deliveries.updateMany({ _id: { $in: [...ids] }, state: { $in: ['ready', 'waiting'] } }, { $set: { state: 'dead', reason }, $currentDate: { settledAt: true }, $unset: { wakeAt: '' } });
}

/** Events owed to this target that lack some delivery document, this target's or another's; oldest first, after the given id. */
export async function pendingEventsOf({ events }: Store, targetId: TargetId, after: EventId | null, limit: number): Promise<readonly EventId[]> {
  const filter = { pendingFanOut: true as const, targetIds: targetId, ...(after === null ? {} : { _id: { $gt: after } }) };
  const found = await events.find(filter, { projection: { _id: 1 }, sort: { pendingFanOut: 1, _id: 1 }, hint: 'pendingFanOut', limit }).toArray();
  return found.map(({ _id }) => _id);
}
