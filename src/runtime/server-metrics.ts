/** What a server measures: events and requests. */
import { commonMetrics, SECOND_MS } from './common-metrics.ts';
import type { MetricHandlers, MetricMaker } from './metrics.ts';

const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];

export function serverMetrics(make: MetricMaker): MetricHandlers {
  const accepted = make.counterBy('hooktail_events_accepted_total', 'Events acknowledged; duplicate: known already, by its key', ['duplicate']);
  const requestSeconds = make.histogramBy('hooktail_http_request_duration_seconds', 'Requests that came as far as their route, and how long it took to answer', ['route', 'status'], REQUEST_SECONDS);
  const refused = make.counterBy('hooktail_requests_refused_total', 'Requests and items of batches refused, by the code they were told', ['code']);
  const failed = make.counter('hooktail_requests_failed_total', 'Requests that met a fault of ours');
  return {
    ...commonMetrics(make),
    'event.accepted': ({ duplicate }) => accepted(duplicate ? AGAIN : FRESH),
    'request.answered': ({ route, status, tookMs }) => requestSeconds({ route, status: String(status) }, tookMs / SECOND_MS),
    'request.refused': ({ code }) => refused({ code }),
    'request.failed': () => failed(),
  };
}

const [FRESH, AGAIN] = [{ duplicate: 'false' }, { duplicate: 'true' }];
