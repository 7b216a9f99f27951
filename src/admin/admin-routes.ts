/** Everything for those who run the system: their routes, behind their token. */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { digestsEqual } from '../domain/signing.ts';
import type { RouteGroup } from '../http/app.ts';
import type { Operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import type { Store } from '../store/store.ts';
import { createEventListRoute, LISTS_EVENTS } from './event-list-route.ts';
import { createEventRoute } from './event-route.ts';
import { EVENT } from './event-schemas.ts';
import { metricsRoute } from './metrics-route.ts';

export interface AdminDeps {
  readonly store: Store;
  /** Null: bound to loopback, and everybody there may read. */
  readonly adminToken: string | null;
  /** What there is to measure, as text. */
  readonly metrics?: () => Promise<string>;
}

const READS_EVENT: Operation = {
  summary: 'Read an event with its deliveries and their attempts', tag: 'events', scope: 'read',
  answers: { 200: { description: 'The event', schema: EVENT } },
};

export function adminRoutes({ store, adminToken, metrics }: AdminDeps): RouteGroup {
  return {
    guard: tokenGuard(adminToken),
    routes: [
      { method: 'GET', path: '/api/v1/events', operation: LISTS_EVENTS, handler: createEventListRoute(store) },
      { method: 'GET', path: '/api/v1/events/:id', operation: READS_EVENT, handler: createEventRoute(store) },
      ...(metrics === undefined ? [] : [metricsRoute(metrics)]),
    ],
  };
}

/** Compares digests, so that neither the length nor the content of the token shows in the time taken. */
export function tokenGuard(token: string | null): (route: unknown, context: Context) => void {
  const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = token === null ? null : digestOf(`Bearer ${token}`);
  return (_, context) => {
    if (expected !== null && !digestsEqual(expected, digestOf(context.req.header('authorization') ?? ''))) throw new Problem('unauthorized', 'Expected Authorization: Bearer with the ADMIN_TOKEN');
  };
}
