/** The ways in. */
import { EVENT_STATUSES } from '../domain/event.ts';
import type { RouteGroup } from '../http/app.ts';
import type { JsonSchema, Operation } from '../http/operation.ts';
import { createBatchRoute, type BatchDeps } from './batch-route.ts';
import { createIngestRoute, type IngestDeps } from './ingest-route.ts';
import { createSourceRoutes, type SourceDeps } from './source-route.ts';

const ACCEPTED: JsonSchema = {
  type: 'object', required: ['id', 'status', 'duplicate'],
  properties: { id: { type: 'string' }, status: { enum: EVENT_STATUSES }, duplicate: { type: 'boolean' } },
};

const ITEMS: JsonSchema = {
  type: 'object', required: ['accepted', 'refused', 'items'],
  properties: { accepted: { type: 'integer' }, refused: { type: 'integer' }, items: { type: 'array', items: { type: 'object', properties: { event: ACCEPTED, problem: { type: 'object' } } } } },
};

const INGEST = '/api/v1/webhooks/ingest';
/** No source can have this name (domain/source.ts). */
const BATCH = 'batch';

const TAKES_ONE: Operation = {
  summary: 'Take in one event', tag: 'ingest', scope: null,
  body: { type: 'object' },
  answers: { 202: { description: 'The event is stored', schema: ACCEPTED } },
};

const TAKES_MANY: Operation = {
  summary: 'Take in many events', tag: 'ingest', scope: null,
  body: { type: 'array', items: { type: 'object' }, minItems: 1, maxItems: 1_000 },
  answers: { 202: { description: 'All events are stored', schema: ITEMS }, 207: { description: 'Some can never be', schema: ITEMS } },
};

export function ingestRoutes(deps: IngestDeps & BatchDeps & SourceDeps): RouteGroup {
  const ofSource = createSourceRoutes(deps);
  const batch = createBatchRoute(deps);
  return {
    routes: [
      { method: 'POST', path: INGEST, operation: TAKES_ONE, handler: createIngestRoute(deps) },
      { method: 'POST', path: `${INGEST}/${BATCH}`, operation: TAKES_MANY, handler: batch, reachedThrough: `${INGEST}/:source` },
      { method: 'POST', path: `${INGEST}/:source`, operation: { ...TAKES_ONE, summary: 'Take in one event of a source' }, handler: (context) => (context.req.param('source') === BATCH ? batch(context) : ofSource.one(context)) },
      { method: 'POST', path: `${INGEST}/:source/batch`, operation: { ...TAKES_MANY, summary: 'Take in many events of a source' }, handler: ofSource.batch },
    ],
  };
}
