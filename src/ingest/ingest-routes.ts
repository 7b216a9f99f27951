/** The ways in. */
import type { RouteGroup } from '../http/app.ts';
import { createBatchRoute, type BatchDeps } from './batch-route.ts';
import { createIngestRoute, type IngestDeps } from './ingest-route.ts';

const INGEST = '/api/v1/webhooks/ingest';

export const ingestRoutes = (deps: IngestDeps & BatchDeps): RouteGroup => ({
  routes: [
    { method: 'POST', path: INGEST, handler: createIngestRoute(deps) },
    { method: 'POST', path: `${INGEST}/batch`, handler: createBatchRoute(deps) },
  ],
});
