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

const REFUSED: JsonSchema = {
  type: 'object', required: ['type', 'title', 'status', 'code', 'detail'],
  properties: { type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, code: { type: 'string' }, detail: { type: 'string' }, errors: { type: 'array' } },
};

const ITEMS: JsonSchema = {
  type: 'object', required: ['accepted', 'refused', 'items'],
  properties: {
    accepted: { type: 'integer' }, refused: { type: 'integer' },
    items: { type: 'array', items: { oneOf: [{ type: 'object', required: ['event'], properties: { event: ACCEPTED } }, { type: 'object', required: ['problem'], properties: { problem: REFUSED } }] } },
  },
};

const INGEST = '/api/v1/webhooks/ingest';
/** No source can have this name (domain/source.ts). */
const BATCH = 'batch';

/** Two sets; one of them whole. */
const SIGNED_HEADERS: Readonly<Record<string, JsonSchema>> = {
  'X-Timestamp': { type: 'string', description: 'Ten digits of unix seconds, or an RFC 3339 time in UTC, within 300 s of now' },
  'X-Idempotency-Key': { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$', description: 'The sender\'s name for the event: the same key with the same body is the same event' },
  'webhook-timestamp': { type: 'string', pattern: '^[0-9]{10}$' },
  'webhook-id': { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
};

const EVENT_BODY: JsonSchema = {
  type: 'object', description: 'Any JSON object; kept and forwarded as the bytes that came',
  properties: { type: { description: 'The type of the event, where it is a string', maxLength: 255 }, data: { description: 'Its event_type is the type where there is no other' } },
  examples: [{ type: 'order.created', data: { number: 1 } }],
};

const TAKES_ONE: Operation = {
  summary: 'Take in one event', tag: 'ingest', scope: null, signed: true, headers: SIGNED_HEADERS,
  body: EVENT_BODY,
  answers: { 202: { description: 'The event is stored, durably', schema: ACCEPTED } },
};

const TAKES_MANY: Operation = {
  summary: 'Take in many events', tag: 'ingest', scope: null, signed: true, headers: SIGNED_HEADERS,
  description: 'A JSON array, or an event a line. Each is kept under the key of the request and its place, so that repeating the request repeats every event',
  body: { type: 'array', items: EVENT_BODY, minItems: 1, maxItems: 1_000, examples: [[{ type: 'order.created' }, { type: 'order.paid' }]] }, bodyTypes: ['application/json', 'application/x-ndjson'],
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
