/** Rows as a long outage leaves them, written by the store's own statements and not by way of a server: a backlog takes minutes to post. */
import { createHash } from 'node:crypto';
import { recordAttempt } from '../src/domain/attempt.ts';
import { firstClaim } from '../src/domain/delivery.ts';
import type { HookEvent } from '../src/domain/event.ts';
import { deliveryIdOf, newEventId, type TargetId } from '../src/domain/ids.ts';
import { insertFirstResults, parkDeliveries } from '../src/store/deliveries.ts';
import { insertEvents, markEvents } from '../src/store/events.ts';
import { writeTimers } from '../src/store/schedule.ts';
import type { Store } from '../src/store/store.ts';

const BATCH = 2_000;

/** Events that are owed to one target and parked for it, due now. No processor may be running: the stream tells it of the events. */
export async function seedParked(store: Store, targetId: TargetId, count: number, signal: AbortSignal): Promise<void> {
  for (let left = count; left > 0; left -= BATCH) {
    signal.throwIfAborted();
    const events = Array.from({ length: Math.min(BATCH, left) }, (_, index) => eventFor(targetId, left - index));
    const ids = events.map(({ id }) => id);
    await insertEvents(store, events);
    await Promise.all([parkDeliveries(store, ids.map((id) => firstClaim(deliveryIdOf(id, targetId), id, targetId)), new Date()), markEvents(store, 'RECEIVED', ids)]);
  }
}

/** Events whose first attempt failed, owed to one target, all to be tried again at the same moment. No processor may be running. */
export async function seedWaiting(store: Store, { targetId, type, dueAt }: { readonly targetId: TargetId; readonly type: string; readonly dueAt: Date }, count: number, signal: AbortSignal): Promise<void> {
  const failed = recordAttempt({ number: 1, quickRetry: 0, at: new Date(), durationMs: 1 }, { kind: 'answered', status: 500, retryAfter: null, excerpt: '' });
  for (let left = count; left > 0; left -= BATCH) {
    signal.throwIfAborted();
    const events = Array.from({ length: Math.min(BATCH, left) }, (_, index) => eventFor(targetId, left - index, type));
    const claims = events.map(({ id }) => firstClaim(deliveryIdOf(id, targetId), id, targetId));
    await insertEvents(store, events);
    await writeTimers(store, claims.map(({ id: deliveryId }) => ({ deliveryId, targetId, generation: 0, attempt: 2, dueAt })));
    await insertFirstResults(store, claims.map((claim) => ({ claim, attempts: [failed], to: { state: 'waiting', wakeAt: dueAt } })));
    await markEvents(store, 'FAILED_TEMPORARILY', events.map(({ id }) => id));
  }
}

/** Takes back what is still parked, with its events; answers how many there were. */
export async function unseedParked({ deliveries, events }: Store, targetId: TargetId): Promise<number> {
  const { deletedCount } = await deliveries.deleteMany({ targetId, state: 'ready' });
  await events.deleteMany({ status: 'RECEIVED', source: SOURCE });
  return deletedCount;
}

/** Takes back all that was seeded, with what has become of it at these targets. */
export async function unseed({ deliveries, events }: Store, targetIds: readonly TargetId[]): Promise<void> {
  await deliveries.deleteMany({ targetId: { $in: [...targetIds] } });
  await events.deleteMany({ source: SOURCE });
}

const SOURCE = 'seed';

function eventFor(targetId: TargetId, number: number, type = 'note.made'): HookEvent {
  const body = Buffer.from(JSON.stringify({ type, data: { number } }));
  const id = newEventId(Date.now());
  return { id, source: SOURCE, idempotencyKey: id, fingerprint: createHash('sha256').update(body).digest('hex'), type, targetIds: [targetId], body, contentType: 'application/json', receivedAt: new Date() };
}
