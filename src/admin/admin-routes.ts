/** Everything for those who run the system: their routes, behind their token. */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { digestsEqual } from '../domain/signing.ts';
import type { RouteGroup } from '../http/app.ts';
import type { Operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { createEventRoute } from './event-route.ts';
import { sourceRoutes, type SourceRouteDeps } from './source-routes.ts';

export interface AdminDeps extends SourceRouteDeps {
  /** Null: bound to loopback, and everybody there may read. */
  readonly adminToken: string | null;
}

const READS_EVENT: Operation = {
  summary: 'Read an event with its deliveries and their attempts', tag: 'events', scope: 'read',
  answers: { 200: { description: 'The event', schema: { type: 'object' } } },
};

export function adminRoutes({ adminToken, ...deps }: AdminDeps): RouteGroup {
  return {
    guard: tokenGuard(adminToken),
    routes: [{ method: 'GET', path: '/api/v1/events/:id', operation: READS_EVENT, handler: createEventRoute(deps.store) }, ...sourceRoutes(deps)],
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
