/** The HTTP surface: probes, the groups of routes it is given, and one place where refusals become answers. */
import { Hono, type Context, type Handler, type MiddlewareHandler } from 'hono';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import type { Readiness } from './health.ts';
import type { Operation } from './operation.ts';
import { databaseUnavailable, Problem, problemResponse } from './problem.ts';
import { requestIdOf } from './request-id.ts';
import { systemRoutes } from './system-routes.ts';

export interface Route {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As Hono writes it: `/api/v1/events/:id`. */
  readonly path: string;
  readonly handler: (context: Context) => Response | Promise<Response>;
  /**
   * The path of another route that leads here as well, whose handler passes such requests on. Hono's fast router knows no fixed
   * name beside a parameter; with one, every request of the server would take twenty times as long to be routed (1.5 µs, not 0.07).
   */
  readonly reachedThrough?: string;
}

/** Routes that the same conditions hold for. */
export interface RouteGroup {
  /** Passed by every request before its handler. @throws Problem when it may not pass */
  readonly guard?: (route: Route, context: Context) => void | Promise<void>;
  readonly routes: readonly Route[];
}

export interface AppDeps {
  readonly clock?: Clock;
  readonly telemetry: Telemetry;
  readonly readiness: Pick<Readiness, 'check'>;
  readonly groups: readonly RouteGroup[];
  /** Whether what a handler threw is the database's, and passes: then the caller is asked to come again. */
  readonly isTransient?: (error: unknown) => boolean;
}

export function createApp({ clock = systemClock, telemetry, readiness, groups, isTransient = () => false }: AppDeps): Hono {
  const app = new Hono();
  const all: readonly RouteGroup[] = [...groups, { routes: systemRoutes({ readiness, routes: () => routes }) }];
  const routes = all.flatMap((group) => group.routes);
  for (const group of all) for (const route of group.routes.filter(isRegistered)) app.on(route.method, [route.path], ...guardOf(group, route), telling(route));
  for (const path of new Set(routes.filter(isRegistered).map((route) => route.path))) app.all(path, refuseMethod(methodsAt(routes, path)));

  app.notFound((context) => refuse(context, new Problem('not_found', `Expected one of ${routes.map(({ method, path }) => `${method} ${path}`).join(', ')}`)));
  app.onError((error, context) => refuse(context, toProblem(error, context)));

  /** Tells how each request was answered, by its route: paths are without number. */
  function telling({ method, path, handler }: Route): Route['handler'] {
    const route = `${method} ${path}`;
    return async (context) => {
      const startedAtMs = clock.monotonic();
      const response = await handler(context);
      telemetry.emit('request.answered', { requestId: requestIdOf(context), route, status: response.status, tookMs: clock.monotonic() - startedAtMs });
      return response;
    };
  }

  function refuse(context: Context, problem: Problem): Response {
    telemetry.emit('request.refused', { requestId: requestIdOf(context), code: problem.code, status: problem.status });
    return problemResponse(problem);
  }

  /** Anything but a refusal is a fault of ours; the caller learns no more than that. */
  function toProblem(error: Error, context: Context): Problem {
    if (error instanceof Problem) return error;
    telemetry.emit('request.failed', { requestId: requestIdOf(context), error: messageOf(error) });
    if (isTransient(error)) return databaseUnavailable('Expected an answer of the database, got none. Ask again');
    return new Problem('internal_error', 'The request was well; the server was not. It has been logged');
  }
  return app;
}

const isRegistered = ({ reachedThrough }: Route): boolean => reachedThrough === undefined;

function guardOf({ guard }: RouteGroup, route: Route): readonly MiddlewareHandler[] {
  if (guard === undefined) return [];
  return [async (context, next) => {
    await guard(route, context);
    await next();
  }];
}

const methodsAt = (routes: readonly Route[], path: string): readonly string[] => routes.filter((route) => route.path === path).map(({ method }) => method);

const refuseMethod = (methods: readonly string[]): Handler => () => {
  throw new Problem('method_not_allowed', `Expected ${methods.join(' or ')}`, { allow: methods.join(', ') });
};
