/** Much that a target is owed, as rows: parked, waiting, and in events that have no delivery document yet, in equal parts. */
import { deliveryIdOf, newEventId, type EventId, type TargetId } from '../../src/domain/ids.ts';
import type { EventDocument, DeliveryDocument } from '../../src/store/store.ts';
import type { World } from './world.ts';

const PAGE = 5_000;

export async function seedOwed({ store }: World, targetIds: readonly TargetId[], owedTo: TargetId, count: number): Promise<void> {
  for (let from = 0; from < count; from += PAGE) {
    const numbers = Array.from({ length: Math.min(PAGE, count - from) }, (_, index) => from + index);
    const events = numbers.map((number) => [number, newEventId(Date.now())] as const);
    await store.events.insertMany(events.map(([number, id]) => eventOf(id, number, targetIds)), { ordered: false });
    const deliveries = events.filter(([number]) => number % 3 !== 0).map(([number, id]) => deliveryOf(id, owedTo, number % 3 === 1 ? 'ready' : 'waiting'));
    // A processor that is quicker may have parked one of them.
    if (deliveries.length > 0) await store.deliveries.bulkWrite(deliveries.map(({ _id, ...rest }) => ({ updateOne: { filter: { _id }, update: { $setOnInsert: rest }, upsert: true } })), { ordered: false });
  }
}

function eventOf(id: EventId, number: number, targetIds: readonly TargetId[]): EventDocument {
  const isFannedOut = targetIds.length === 1 && number % 3 !== 0;
  return {
    _id: id, source: 'default', idempotencyKey: `seed-${id}`, fingerprint: '0', type: 'order.paid', targetIds, body: Buffer.from('{}'), contentType: 'application/json', receivedAt: new Date(),
    status: number % 3 === 2 ? 'FAILED_TEMPORARILY' : 'RECEIVED', ...(isFannedOut ? {} : { pendingFanOut: true as const }),
  };
}

function deliveryOf(eventId: EventId, targetId: TargetId, state: 'ready' | 'waiting'): DeliveryDocument {
  const wakeAt = new Date(Date.now() + (state === 'waiting' ? 3_600_000 : 0));
  return { _id: deliveryIdOf(eventId, targetId), eventId, targetId, state, generation: 0, attemptCount: state === 'waiting' ? 1 : 0, attempts: [], wakeAt };
}
