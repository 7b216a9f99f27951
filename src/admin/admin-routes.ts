/** Everything for those who run the system: their routes, behind their tokens. */
import type { TargetId } from '../domain/ids.ts';
import type { Target } from '../domain/target.ts';
import type { RouteGroup } from '../http/app.ts';
import type { Operation } from '../http/operation.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { findLiveToken, hasLiveToken, noteUse } from '../store/admin-tokens.ts';
import type { Store } from '../store/store.ts';
import { createRecordChange } from './audit.ts';
import { auditRoute } from './audit-route.ts';
import { createEventListRoute, LISTS_EVENTS } from './event-list-route.ts';
import { createEventRoute } from './event-route.ts';
import { EVENT } from './event-schemas.ts';
import { createGuard, type Guard, type GuardOptions } from './guard.ts';
import { metricsRoute } from './metrics-route.ts';
import { secretRoutes } from './secret-routes.ts';
import { sourceRoutes, type SourceRouteDeps } from './source-routes.ts';
import type { TargetRouteDeps } from './target-handlers.ts';
import { targetRoutes } from './target-routes.ts';
import { TokenCache } from './token-cache.ts';
import { tokenRoutes } from './token-routes.ts';

export interface AdminGuardDeps extends GuardOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface AdminDeps extends AdminGuardDeps, Omit<TargetRouteDeps, 'recordChange'>, Omit<SourceRouteDeps, 'recordChange'> {
  /** As the server knows it, a second old at most. */
  readonly freshTarget: (id: TargetId) => Promise<Target | null>;
  /** What there is to measure, as text. */
  readonly metrics: () => Promise<string>;
}

const READS_EVENT: Operation = {
  summary: 'Read an event with its deliveries and their attempts', tag: 'events', scope: 'read',
  answers: { 200: { description: 'The event', schema: EVENT } },
};

/** Asks for tokens, those of the environment and those of the database. */
export function createAdminGuard({ store, clock, telemetry, adminToken, onLoopback }: AdminGuardDeps): Guard {
  const tokens = new TokenCache({ clock, telemetry, store: { findLive: (hash) => findLiveToken(store, hash), anyLive: () => hasLiveToken(store, null), noteUse: (id) => noteUse(store, id) } });
  return createGuard(tokens, { adminToken, onLoopback });
}

export function adminRoutes({ store, clock, telemetry, adminToken, onLoopback, freshTarget, proveSchema, metrics, ...rest }: AdminDeps): RouteGroup {
  const recordChange = createRecordChange({ store, clock, telemetry });
  return {
    guard: createAdminGuard({ store, clock, telemetry, adminToken, onLoopback }),
    routes: [
      { method: 'GET', path: '/api/v1/events', operation: LISTS_EVENTS, handler: createEventListRoute(store) },
      { method: 'GET', path: '/api/v1/events/:id', operation: READS_EVENT, handler: createEventRoute(store) },
      ...targetRoutes({ store, clock, recordChange, ...rest }),
      ...sourceRoutes({ store, clock, recordChange, proveSchema }),
      ...secretRoutes({ store, clock, recordChange, freshTarget }),
      ...tokenRoutes({ store, clock, recordChange }),
      auditRoute(store),
      metricsRoute(metrics),
    ],
  };
}
