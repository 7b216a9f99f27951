/** The processor's own small listener: metrics and probes, behind the same token as a server's. There is none unless a port is set. */
import { createAdminGuard } from './admin/admin-routes.ts';
import { metricsRoute } from './admin/metrics-route.ts';
import { createApp } from './http/app.ts';
import { createReadiness } from './http/health.ts';
import { createHttpServer, type HttpServer } from './http/http-server.ts';
import type { Clock } from './runtime/clock.ts';
import type { Config } from './runtime/config.ts';
import { FatalError } from './runtime/errors.ts';
import { isLoopback } from './runtime/loopback.ts';
import type { Metrics } from './runtime/metrics.ts';
import type { Telemetry } from './runtime/telemetry.ts';
import type { Store } from './store/store.ts';
import { isTransient } from './store/write-errors.ts';

export interface MetricsListenerDeps {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly metrics: Metrics;
  /** Rejects while this processor could not do its work. */
  readonly ping: () => Promise<unknown>;
}

/** Nobody waits for an answer of these for long. */
const GRACE_MS = 1_000;

/** @throws FatalError when everybody could read them */
export function createMetricsListener({ config, store, clock, telemetry, metrics, ping }: MetricsListenerDeps): HttpServer {
  const { adminToken, metricsHost: host, metricsPort: port } = config;
  if (adminToken === null && !isLoopback(host)) throw new FatalError('admin_token_needed', `METRICS_HOST ${host} can be reached from other machines, and no ADMIN_TOKEN is set`, { fix: 'set ADMIN_TOKEN, or METRICS_HOST=127.0.0.1' });
  const app = createApp({ clock, telemetry, readiness: createReadiness(clock, ping), groups: [{ guard: createAdminGuard({ store, clock, telemetry, adminToken, onLoopback: isLoopback(host) }), routes: [metricsRoute(() => metrics.text())] }], isTransient });
  return createHttpServer(app, clock, { host, port: port ?? 0, graceMs: GRACE_MS, setting: 'METRICS_PORT' });
}
