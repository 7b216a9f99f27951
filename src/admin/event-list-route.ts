/** `GET /api/v1/events`: events, newest first, page by page. Only by what an index holds, so that no question reads them all. */
import type { Context } from 'hono';
import { isEventId, type EventId } from '../domain/ids.ts';
import { Problem } from '../http/problem.ts';
import type { JsonSchema, Operation } from '../http/operation.ts';
import { FAILED_STATUSES, listEvents, type EventFilter } from '../store/event-list.ts';
import type { Store } from '../store/store.ts';
import { EVENT_PAGE } from './event-schemas.ts';
import { createPageReader, pageOf, PAGE_QUERY } from './paging.ts';

interface Query {
  readonly status?: (typeof FAILED_STATUSES)[number];
  readonly source?: string;
  readonly idempotencyKey?: string;
}

const FILTER: Readonly<Record<string, JsonSchema>> = {
  status: { type: 'string', enum: FAILED_STATUSES, description: 'Only those that have failed so far' },
  source: { type: 'string', minLength: 1, maxLength: 255, description: 'With idempotencyKey: the one event of that source and key' },
  idempotencyKey: { type: 'string', minLength: 1, maxLength: 255 },
};

export const LISTS_EVENTS: Operation = {
  summary: 'List events, newest first', tag: 'events', scope: 'read',
  query: { ...FILTER, ...PAGE_QUERY },
  answers: { 200: { description: 'A page of them', schema: EVENT_PAGE } },
};

export function createEventListRoute(store: Store): (context: Context) => Promise<Response> {
  const readPage = createPageReader<EventId, Query>(isEventId, FILTER);
  return async (context) => {
    const query = readPage(context);
    const filter = filterOf(query);
    const { page, after } = await pageOf(query, (limit) => listEvents(store, { filter, after: query.after, limit }), ({ id }) => id);
    return context.json({ events: page, after });
  };
}

function filterOf({ status, source, idempotencyKey }: Query): EventFilter {
  if ((source === undefined) !== (idempotencyKey === undefined)) throw new Problem('invalid_query', 'Expected source and idempotencyKey together, got one of them');
  if (source === undefined || idempotencyKey === undefined) return status === undefined ? { by: 'nothing' } : { by: 'status', status };
  if (status !== undefined) throw new Problem('invalid_query', 'Expected status, or source with idempotencyKey, got both');
  return { by: 'key', source, idempotencyKey };
}
