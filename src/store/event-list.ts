/** Events for a person to look through, newest first: by what an index holds and nothing else. Bodies are told by length only. */
import type { EventStatus } from '../domain/event.ts';
import type { EventId } from '../domain/ids.ts';
import { toSummary, type EventSummary } from './events.ts';
import type { EventDocument, Store } from './store.ts';

/** Those that the partial index on the status holds. */
export const FAILED_STATUSES = ['FAILED_TEMPORARILY', 'FAILED_PERMANENTLY'] as const satisfies readonly EventStatus[];

export type EventFilter =
  | { readonly by: 'nothing' }
  | { readonly by: 'status'; readonly status: (typeof FAILED_STATUSES)[number] }
  | { readonly by: 'key'; readonly source: string; readonly idempotencyKey: string };

export interface EventPage {
  readonly filter: EventFilter;
  /** Only older ones than this. */
  readonly after: EventId | null;
  readonly limit: number;
}

/** By name: the planner must not choose another way when there is little to read, nor a test see another than production. */
const INDEXES: Readonly<Record<EventFilter['by'], string>> = { nothing: '_id_', status: 'failed', key: 'idempotency' };

export async function listEvents({ events }: Store, { filter, after, limit }: EventPage): Promise<readonly EventSummary[]> {
  const { by, ...fields } = filter;
  const found = await events.aggregate<Omit<EventDocument, 'body'> & { bodyBytes: number }>([
    { $match: { ...fields, ...(after === null ? {} : { _id: { $lt: after } }) } },
    { $sort: { _id: -1 } },
    { $limit: limit },
    { $set: { bodyBytes: { $binarySize: '$body' } } },
    { $project: { body: 0 } },
  ], { hint: INDEXES[by] }).toArray();
  return found.map(toSummary);
}
