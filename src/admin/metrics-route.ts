/** `GET /metrics`: what there is to measure, in Prometheus' text format. The same on the port of a server and of a processor. */
import type { Route } from '../http/app.ts';
import type { Operation } from '../http/operation.ts';

/** Text format 0.0.4 (prometheus/docs, instrumenting/exposition_formats). */
const MEDIA_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const TELLS_METRICS: Operation = {
  summary: 'What there is to measure', tag: 'system', scope: 'read',
  answers: { 200: { description: 'Prometheus text format', mediaType: 'text/plain', schema: { type: 'string' } } },
};

export const metricsRoute = (metrics: () => Promise<string>): Route => ({
  method: 'GET', path: '/metrics', operation: TELLS_METRICS,
  handler: async (context) => context.body(await metrics(), 200, { 'content-type': MEDIA_TYPE }),
});
