/** `GET /api/v1/events`: events, newest first, page by page. Only by what an index holds, so that no question reads them all. */
import type { Context } from 'hono';
import { isEventId } from '../domain/ids.ts';
import { Problem } from '../http/problem.ts';
import type { JsonSchema, Operation } from '../http/operation.ts';
import { createQueryReader } from '../http/query.ts';
import { FAILED_STATUSES, listEvents, type EventFilter } from '../store/event-list.ts';
import type { Store } from '../store/store.ts';
import { EVENT_PAGE } from './event-schemas.ts';

interface Query {
  readonly status?: (typeof FAILED_STATUSES)[number];
  readonly source?: string;
  readonly idempotencyKey?: string;
  readonly after?: string;
  readonly limit?: number;
}

const USUAL_LIMIT = 50;

const QUERY: Readonly<Record<string, JsonSchema>> = {
  status: { type: 'string', enum: FAILED_STATUSES, description: 'Only those that have failed so far' },
  source: { type: 'string', minLength: 1, maxLength: 255, description: 'With idempotencyKey: the one event of that source and key' },
  idempotencyKey: { type: 'string', minLength: 1, maxLength: 255 },
  after: { type: 'string', maxLength: 64, description: 'The `next` of the page before' },
  limit: { type: 'integer', minimum: 1, maximum: 100, default: USUAL_LIMIT },
};

export const LISTS_EVENTS: Operation = {
  summary: 'List events, newest first', tag: 'events', scope: 'read',
  query: QUERY,
  answers: { 200: { description: 'A page of them', schema: EVENT_PAGE } },
};

export function createEventListRoute(store: Store): (context: Context) => Promise<Response> {
  const read = createQueryReader<Query>(QUERY);
  return async (context) => {
    const query = read(context);
    const { after = null, limit = USUAL_LIMIT } = query;
    if (after !== null && !isEventId(after)) throw new Problem('invalid_query', 'after: expected the next of the page before, got something else');
    const found = await listEvents(store, { filter: filterOf(query), after, limit: limit + 1 });
    const events = found.slice(0, limit);
    return context.json({ events, next: found.length > limit ? (events.at(-1)?.id ?? null) : null });
  };
}

function filterOf({ status, source, idempotencyKey }: Query): EventFilter {
  if ((source === undefined) !== (idempotencyKey === undefined)) throw new Problem('invalid_query', 'Expected source and idempotencyKey together, got one of them');
  if (source === undefined || idempotencyKey === undefined) return status === undefined ? { by: 'nothing' } : { by: 'status', status };
  if (status !== undefined) throw new Problem('invalid_query', 'Expected status, or source with idempotencyKey, got both');
  return { by: 'key', source, idempotencyKey };
}
