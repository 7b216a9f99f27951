/** `POST /api/v1/webhooks/ingest/batch`: many events of the default source in one signed request. */
import type { Context } from 'hono';
import type { Clock } from '../runtime/clock.ts';
import { createBatchIntake, refuseLongKey, type BatchIntakeDeps } from './batch-intake.ts';
import { BATCH_TYPES } from './batch-items.ts';
import type { Edge } from './edge.ts';
import type { MakeEvent } from './event-maker.ts';
import { DEFAULT_SOURCE } from './ingest-route.ts';
import { requestIdOf } from '../http/request-id.ts';
import { readSignedRequest } from './signed-request.ts';

export interface BatchDeps extends BatchIntakeDeps {
  readonly clock: Clock;
  readonly edge: Edge;
  readonly makeEvent: MakeEvent;
  readonly keys: readonly Uint8Array[];
  readonly maxBatchBytes: number;
}

export function createBatchRoute({ clock, edge, makeEvent, keys, maxBatchBytes, ...deps }: BatchDeps): (context: Context) => Promise<Response> {
  const storeBatch = createBatchIntake(deps);
  return async (context) => {
    edge.admitAddress(context);
    const request = await readSignedRequest(context, { clock, keys, maxBytes: maxBatchBytes, types: BATCH_TYPES });
    edge.admitSource(DEFAULT_SOURCE);
    refuseLongKey(request.idempotencyKey);
    return storeBatch(request, (body, idempotencyKey) => makeEvent({ source: DEFAULT_SOURCE, idempotencyKey, body, contentType: 'application/json' }), requestIdOf(context));
  };
}
