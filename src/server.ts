/**
 * The HTTP server: composition root and program. Takes events in and reads them back; it sends nothing itself.
 *
 *   start   schema and indexes → targets → listening      stop   not ready → listener → writes → connections
 */
import { adminRoutes } from './admin/admin-routes.ts';
import { registerDefaultTarget } from './default-target.ts';
import { createApp } from './http/app.ts';
import { createEventMaker } from './ingest/event-maker.ts';
import { createEventWriter } from './ingest/event-writer.ts';
import { createReadiness } from './http/health.ts';
import { createFreshRouting } from './ingest/fresh-routing.ts';
import { createHttpServer } from './http/http-server.ts';
import { ingestRoutes } from './ingest/ingest-routes.ts';
import { keysOf } from './ingest/verify.ts';
import { atMost } from './runtime/at-most.ts';
import { systemClock } from './runtime/clock.ts';
import { loadConfig, requireSet, type Config } from './runtime/config.ts';
import { FatalError, messageOf } from './runtime/errors.ts';
import { logTelemetry } from './runtime/logger.ts';
import { isLoopback } from './runtime/loopback.ts';
import { createMetrics } from './runtime/metrics.ts';
import { failure, isMain, runProgram, type Running } from './runtime/program.ts';
import { serverMetrics } from './runtime/server-metrics.ts';
import { startAll, stopAll } from './runtime/service.ts';
import { createTelemetry, type Telemetry } from './runtime/telemetry.ts';
import { connectBoth, type ClientUse } from './store/client.ts';
import { pingPrimary } from './store/ping.ts';
import { prepareDatabase } from './store/prepare.ts';
import { openStore } from './store/store.ts';
import { TargetBook } from './store/target-book.ts';

export interface RunningServer extends Running {
  readonly url: string;
}

const LAST_GRACE_MS = 2_000;

/**
 * Connects, listens and answers once events can be taken in.
 * @throws FatalError when the configuration, the database or the port cannot be used.
 */
export async function startServer(config: Config, telemetry: Telemetry = createTelemetry()): Promise<RunningServer> {
  requireSet(config, 'mongodbUri', 'ingestSecrets');
  refuseOpenAdmin(config);
  const address = { uri: config.mongodbUri ?? '', database: config.mongodbDb, onLost: (use: ClientUse) => telemetry.emit('database.connectionsLost', { use }) };
  const metrics = createMetrics(telemetry, serverMetrics);
  const { work, stream } = await connectBoth(address);
  const { failed } = failure(telemetry);

  async function assemble(): Promise<RunningServer> {
    const clock = systemClock;
    const store = openStore(work.db);
    await prepareDatabase(openStore(stream.db), config.retentionDays);
    await registerDefaultTarget(store, config, telemetry);
    const targets = new TargetBook(store);
    await targets.refresh();
    const writer = createEventWriter({ store, clock, telemetry, targets: createFreshRouting(clock, targets) });
    const readiness = createReadiness(clock, () => pingPrimary(work.db));
    const { ingestSecrets, maxBodyBytes, maxBatchBytes, adminToken } = config;
    const ingest = ingestRoutes({ clock, telemetry, writer, makeEvent: createEventMaker(clock), keys: keysOf(ingestSecrets), maxBodyBytes, maxBatchBytes });
    const app = createApp({ clock, telemetry, readiness, groups: [ingest, adminRoutes({ store, adminToken, metrics: () => metrics.text() })] });
    const http = createHttpServer(app, clock, { host: config.host, port: config.port, graceMs: config.shutdownGraceMs });

    await startAll([http]);
    telemetry.emit('server.started', { url: http.url, pid: process.pid });
    return { url: http.url, failed, telemetry, stop };

    async function stop(): Promise<void> {
      readiness.startDraining();
      // A MongoDB that leaves the last statements unanswered must not keep the process.
      await atMost(clock, config.shutdownGraceMs + LAST_GRACE_MS, stopAll([http, { stop: () => writer.idle() }]));
      await closeConnections();
    }
  }

  const closeConnections = (): Promise<unknown> => Promise.all([work.close(), stream.close()]);
  try {
    return await assemble();
  } catch (error) {
    await closeConnections();
    throw error instanceof FatalError ? error : new FatalError('start_failed', `The server could not start: ${messageOf(error)}`, { cause: error });
  }
}

/** Reading events needs a token, except for those who are on this machine anyway. */
function refuseOpenAdmin({ host, adminToken }: Config): void {
  if (adminToken !== null || isLoopback(host)) return;
  throw new FatalError('admin_token_needed', `HOST ${host} can be reached from other machines, and no ADMIN_TOKEN is set`, { fix: 'set ADMIN_TOKEN, or HOST=127.0.0.1' });
}

if (isMain(import.meta.url)) {
  await runProgram(async () => {
    const config = loadConfig();
    const telemetry = createTelemetry();
    logTelemetry(telemetry, { level: config.logLevel, format: config.logFormat, name: 'server' });
    return startServer(config, telemetry);
  });
}
