/** The routes that every listener has, open to all: the probes, and the document of all routes. */
import type { Route } from './app.ts';
import type { Readiness } from './health.ts';
import { openApiOf } from './openapi.ts';
import type { JsonSchema, Operation } from './operation.ts';

export interface SystemRoutesDeps {
  readonly readiness: Pick<Readiness, 'check'>;
  /** All there are, these included. */
  readonly routes: () => readonly Route[];
}

const says = (status: string): JsonSchema => ({ type: 'object', required: ['status'], properties: { status: { const: status } } });

const LIVES: Operation = {
  summary: 'Whether this process turns over', tag: 'system', scope: null,
  description: 'Says nothing of the database: tied to that, an outage there would have every process restarted',
  answers: { 200: { description: 'It does', schema: says('ok') } },
};

const IS_READY: Operation = {
  summary: 'Whether work sent here now would be done', tag: 'system', scope: null,
  answers: { 200: { description: 'It would', schema: says('ready') } },
};

const IS_DESCRIBED: Operation = {
  summary: 'This document', tag: 'system', scope: null,
  answers: { 200: { description: 'OpenAPI 3.1', schema: { type: 'object', required: ['openapi', 'info', 'paths'] } } },
};

export function systemRoutes({ readiness, routes }: SystemRoutesDeps): readonly Route[] {
  /** Made when it is first asked for, and then kept: routes do not change. */
  let document: string | null = null;
  return [
    { method: 'GET', path: '/livez', operation: LIVES, handler: (context) => context.json({ status: 'ok' }) },
    {
      method: 'GET', path: '/readyz', operation: IS_READY,
      handler: async (context) => {
        await readiness.check();
        return context.json({ status: 'ready' });
      },
    },
    { method: 'GET', path: '/openapi.json', operation: IS_DESCRIBED, handler: (context) => context.body((document ??= JSON.stringify(openApiOf(routes()))), 200, { 'content-type': 'application/json' }) },
  ];
}
