/** `GET /api/v1/events/:id`: an event, each of its deliveries, their attempts, and when the next one comes. */
import type { Context } from 'hono';
import type { Delivery } from '../domain/delivery.ts';
import { isEventId } from '../domain/ids.ts';
import { findDeliveriesOfEvent } from '../store/deliveries.ts';
import { findSummary } from '../store/events.ts';
import type { Store } from '../store/store.ts';
import { Problem } from '../http/problem.ts';

export function createEventRoute(store: Store): (context: Context) => Promise<Response> {
  return async (context) => {
    const id = context.req.param('id') ?? '';
    if (!isEventId(id)) throw new Problem('not_found', 'Expected an event id such as evt_01JD…, got something else');
    const [event, deliveries] = await Promise.all([findSummary(store, id), findDeliveriesOfEvent(store, id)]);
    if (event === null) throw new Problem('not_found', `Expected a stored event, got none with the id ${id}`);
    const { targetIds, ...summary } = event;
    return context.json({ ...summary, deliveries: targetIds.map((targetId) => describe(deliveries.find((delivery) => delivery.targetId === targetId)) ?? { targetId, ...NOTHING_YET }) });
  };
}

const NOTHING_YET = { state: 'pending', attemptCount: 0, generation: 0, nextAttemptAt: null, reason: null, settledAt: null, attempts: [] };

function describe(delivery: Delivery | undefined): Record<string, unknown> | undefined {
  if (delivery === undefined) return undefined;
  const { targetId, state, attemptCount, generation, attempts } = delivery;
  return {
    targetId, state, attemptCount, generation,
    nextAttemptAt: 'wakeAt' in delivery ? delivery.wakeAt : null,
    reason: 'reason' in delivery ? delivery.reason : null,
    settledAt: 'settledAt' in delivery ? delivery.settledAt : null,
    attempts,
  };
}
