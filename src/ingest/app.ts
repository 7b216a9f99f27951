/** The HTTP surface: routes, who may use them, and one place where refusals become answers. */
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { createHash } from 'node:crypto';
import { digestsEqual } from '../domain/signing.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import type { Readiness } from './health.ts';
import { Problem, problemResponse } from './problem.ts';

export interface AppDeps {
  readonly telemetry: Telemetry;
  readonly readiness: Pick<Readiness, 'check'>;
  readonly ingest: (context: Context) => Promise<Response>;
  readonly batch: (context: Context) => Promise<Response>;
  readonly event: (context: Context) => Promise<Response>;
  /** Null: bound to loopback, and everybody there may read. */
  readonly adminToken: string | null;
}

const INGEST = '/api/v1/webhooks/ingest';

export function createApp({ telemetry, readiness, ingest, batch, event, adminToken }: AppDeps): Hono {
  const app = new Hono();
  app.get('/livez', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', async (context) => {
    await readiness.check();
    return context.json({ status: 'ready' });
  });
  app.post(INGEST, ingest);
  app.post(`${INGEST}/batch`, batch);
  for (const path of [INGEST, `${INGEST}/batch`]) app.all(path, () => refuse(new Problem('method_not_allowed', 'Expected POST', { allow: 'POST' })));
  app.use('/api/v1/events/*', requireToken(adminToken));
  app.get('/api/v1/events/:id', event);

  app.notFound(() => refuse(new Problem('not_found', `Expected one of POST ${INGEST}, POST ${INGEST}/batch, GET /api/v1/events/:id, GET /livez, GET /readyz`)));
  app.onError((error) => refuse(toProblem(error, telemetry)));

  function refuse(problem: Problem): Response {
    telemetry.emit('request.refused', { code: problem.code, status: problem.status });
    return problemResponse(problem);
  }
  return app;
}

/** Anything but a refusal is a fault of ours; the caller learns no more than that. */
function toProblem(error: Error, telemetry: Telemetry): Problem {
  if (error instanceof Problem) return error;
  telemetry.emit('request.failed', { error: messageOf(error) });
  return new Problem('internal_error', 'The request was well; the server was not. It has been logged');
}

/** Compares digests, so that neither the length nor the content of the token shows in the time taken. */
function requireToken(token: string | null): MiddlewareHandler {
  const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = token === null ? null : digestOf(`Bearer ${token}`);
  return async (context, next) => {
    if (expected !== null && !digestsEqual(expected, digestOf(context.req.header('authorization') ?? ''))) throw new Problem('unauthorized', 'Expected Authorization: Bearer with the ADMIN_TOKEN');
    await next();
  };
}
