/**
 * The HTTP server: composition root and program. Takes events in, reads them back and keeps the targets; it sends nothing itself.
 *
 *   start   schema and indexes → targets → listening      stop   not ready → listener → writes → connections
 */
import { adminRoutes } from './admin/admin-routes.ts';
import { deliveryDefaults, registerDefaultTarget } from './default-target.ts';
import { createUrlRules } from './delivery/guard.ts';
import type { TargetId } from './domain/ids.ts';
import type { Target } from './domain/target.ts';
import { createApp } from './http/app.ts';
import { createEdge } from './ingest/edge.ts';
import { createEventMaker } from './ingest/event-maker.ts';
import { createEventWriter } from './ingest/event-writer.ts';
import { createReadiness } from './http/health.ts';
import { createFreshRouting } from './ingest/fresh-routing.ts';
import { createHttpServer } from './http/http-server.ts';
import { ingestRoutes } from './ingest/ingest-routes.ts';
import { createSourceDesk } from './ingest/source-desk.ts';
import { keysOf } from './ingest/verify.ts';
import { atMost } from './runtime/at-most.ts';
import { systemClock } from './runtime/clock.ts';
import { loadConfig, requireSet, type Config } from './runtime/config.ts';
import { FatalError, messageOf } from './runtime/errors.ts';
import { logTelemetry } from './runtime/logger.ts';
import { isLoopback } from './runtime/loopback.ts';
import { loadKeyring } from './runtime/master-keys.ts';
import { createMetrics } from './runtime/metrics.ts';
import { failure, isMain, runProgram, type Running } from './runtime/program.ts';
import { serverMetrics } from './runtime/server-metrics.ts';
import { startAll, stopAll } from './runtime/service.ts';
import { createTelemetry, type Telemetry } from './runtime/telemetry.ts';
import { createSchemaProof } from './runtime/user-schema/prove.ts';
import { checkMasterKeys, tellUnreadable } from './secrets-at-rest.ts';
import { hasLiveToken } from './store/admin-tokens.ts';
import { connectBoth, type ClientUse } from './store/client.ts';
import { pingPrimary } from './store/ping.ts';
import { prepareDatabase } from './store/prepare.ts';
import { SourceBook } from './store/source-book.ts';
import { openStore, type Store } from './store/store.ts';
import { TargetBook } from './store/target-book.ts';
import { isTransient } from './store/write-errors.ts';

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
  const keyring = loadKeyring(config);
  const address = { uri: config.mongodbUri ?? '', database: config.mongodbDb, onLost: (use: ClientUse) => telemetry.emit('database.connectionsLost', { use }) };
  const metrics = createMetrics(telemetry, serverMetrics);
  const { work, stream } = await connectBoth(address);
  const { failed } = failure(telemetry);

  async function assemble(): Promise<RunningServer> {
    const clock = systemClock;
    const store = openStore(work.db, keyring);
    await prepareDatabase(openStore(stream.db), config.retentionDays, { auditRetentionDays: config.auditRetentionDays });
    await checkMasterKeys(store, telemetry);
    await refuseOpenAdmin(store, config);
    await registerDefaultTarget(store, config, telemetry);
    const targets = new TargetBook(store);
    await targets.refresh();
    tellUnreadable(targets, telemetry);
    const fresh = createFreshRouting(clock, targets);
    const freshTarget = async (id: TargetId): Promise<Target | null> => {
      await fresh.routing();
      return targets.get(id);
    };
    const writer = createEventWriter({ store, clock, telemetry, targets: fresh });
    const readiness = createReadiness(clock, () => pingPrimary(work.db));
    const { ingestSecrets, maxBodyBytes, maxBatchBytes, adminToken } = config;
    const edge = createEdge(clock, { ratePerAddress: config.ingestRatePerAddress, ratePerSource: config.ingestRatePerSource, trustedProxies: config.trustProxy });
    const desk = createSourceDesk(clock, new SourceBook(store));
    const ingest = ingestRoutes({ clock, telemetry, edge, desk, writer, makeEvent: createEventMaker(clock), keys: keysOf(ingestSecrets), maxBodyBytes, maxBatchBytes });
    const admin = adminRoutes({
      store, clock, telemetry, adminToken, onLoopback: isLoopback(config.host), freshTarget, proveSchema: createSchemaProof(clock), metrics: () => metrics.text(),
      urlRules: createUrlRules(config),
      defaults: deliveryDefaults(config), hasDefaultTarget: config.downstreamUrl !== null,
    });
    const app = createApp({ clock, telemetry, readiness, groups: [ingest, admin], isTransient });
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

/** Everything but taking events in needs a token of scope admin, except for those who are on this machine anyway. */
async function refuseOpenAdmin(store: Store, { host, adminToken }: Config): Promise<void> {
  if (adminToken !== null || isLoopback(host) || (await hasLiveToken(store, 'admin'))) return;
  throw new FatalError('admin_token_needed', `HOST ${host} can be reached from other machines, and there is neither ADMIN_TOKEN nor a stored token of scope admin`, { fix: 'set ADMIN_TOKEN, make a token with npm run tokens, or set HOST=127.0.0.1' });
}

if (isMain(import.meta.url)) {
  await runProgram(async () => {
    const config = loadConfig();
    const telemetry = createTelemetry();
    logTelemetry(telemetry, { level: config.logLevel, format: config.logFormat, name: 'server' });
    return startServer(config, telemetry);
  });
}
