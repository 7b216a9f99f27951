/**
 * The processor: composition root and program. Tails the change stream, owns lanes, delivers, retries, sweeps.
 *
 *   start   schema and indexes → targets → session → lanes → feed → scheduler → refill → sweep → ending
 *   stop    feed (place saved) → ending, sweep, refill, scheduler → lanes drained and released → session ended → connections
 */
import { hostname } from 'node:os';
import { registerDefaultTarget } from './default-target.ts';
import { createDelivery, type DeliveryStage } from './delivery/delivery.ts';
import { createUrlRules, type LookupAll } from './delivery/guard.ts';
import { createHourCounts } from './delivery/hour-counts.ts';
import type { HttpServer } from './http/http-server.ts';
import { createMetricsListener } from './metrics-listener.ts';
import { systemClock, type Clock } from './runtime/clock.ts';
import { defaultMember, loadConfig, requireSet, type Config } from './runtime/config.ts';
import { FatalError, messageOf } from './runtime/errors.ts';
import { logTelemetry } from './runtime/logger.ts';
import { loadKeyring } from './runtime/master-keys.ts';
import { createMetrics } from './runtime/metrics.ts';
import { processorMetrics, type ProcessorReadings } from './runtime/processor-metrics.ts';
import { failure, isMain, runProgram, type Running } from './runtime/program.ts';
import { systemRandom } from './runtime/random.ts';
import { ServerClock } from './runtime/server-clock.ts';
import { startAll, stopAll, type Service } from './runtime/service.ts';
import { createTelemetry, type Telemetry } from './runtime/telemetry.ts';
import { createScheduler } from './scheduler/scheduler.ts';
import { checkMasterKeys, tellUnreadable } from './secrets-at-rest.ts';
import type { Change } from './store/change-stream.ts';
import { connectBoth, type ClientUse, type Connection } from './store/client.ts';
import { pingPrimary } from './store/ping.ts';
import { prepareDatabase } from './store/prepare.ts';
import { openStore, type Store } from './store/store.ts';
import { TargetBook } from './store/target-book.ts';
import { createCheckpoint } from './streams/checkpoint.ts';
import { createDispatch } from './streams/dispatch.ts';
import { createEnding } from './streams/ending.ts';
import { createFeed, type Feed, type FeedDeps } from './streams/feed.ts';
import { LaneBook } from './streams/lane-book.ts';
import { chooseMember } from './streams/member.ts';
import { createOffering } from './streams/offering.ts';
import { createOwnership } from './streams/ownership.ts';
import type { Fail } from './streams/ports.ts';
import { createRefill } from './streams/refill.ts';
import { createRepair } from './streams/repair.ts';
import { createSession, type Session } from './streams/session.ts';
import { createSweep } from './streams/sweep.ts';

export interface ProcessorParts {
  readonly telemetry?: Telemetry;
  readonly clock?: Clock;
  /** Where changes come from; the change stream unless said otherwise. */
  readonly openFeed?: (deps: FeedDeps) => Feed;
  /** How the names of receivers are looked up; by the system unless said otherwise. */
  readonly lookup?: LookupAll;
}

/** What is there before anything runs. */
interface Ground {
  readonly config: Config;
  readonly store: Store;
  readonly stream: Connection;
  readonly targets: TargetBook;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly openFeed: (deps: FeedDeps) => Feed;
  readonly lookup: LookupAll | undefined;
  readonly fail: Fail;
  /** Aborted when the process gives up on what is not written. */
  readonly giveUp: AbortSignal;
}

interface Machinery {
  /** In the order of their start. */
  readonly services: readonly Service[];
  /** In the order of their end. */
  readonly endings: readonly Pick<Service, 'stop'>[];
  readonly delivery: DeliveryStage;
  readonly session: Session;
  readonly readings: () => ProcessorReadings;
}

/** After the last attempt has been cut, results may still be written for this long. */
const WRITE_GRACE_MS = 2_000;
/** And this much later the process ends even if MongoDB leaves the last statements unanswered. */
const LAST_GRACE_MS = 1_000;

/**
 * Connects, starts everything and answers once running.
 * @throws FatalError when the configuration, the database or the name cannot be used.
 */
export async function startProcessor(config: Config, parts: ProcessorParts = {}): Promise<Running> {
  const { telemetry = createTelemetry(), clock = systemClock, openFeed = createFeed, lookup } = parts;
  requireSet(config, 'mongodbUri');
  const address = { uri: config.mongodbUri ?? '', database: config.mongodbDb, onLost: (use: ClientUse) => telemetry.emit('database.connectionsLost', { use }) };
  const { work, stream } = await connectBoth(address);
  const connections = [work, stream];
  const { failed, fail } = failure(telemetry);
  const giveUp = new AbortController();
  try {
    const store = openStore(work.db, loadKeyring(config));
    const targets = new TargetBook(store);
    await prepare({ config, store, stream, targets, telemetry });
    const machinery = assemble({ config, store, stream, targets, clock, telemetry, openFeed, lookup, fail, giveUp: giveUp.signal });
    const listener = listenerFor(machinery, { config, store, clock, telemetry, work });
    await startAll([...machinery.services, ...listener]);
    telemetry.emit('processor.started', { member: machinery.session.member, pid: process.pid });
    const stop = (): Promise<void> => stopInOrder({ ...machinery, endings: [...machinery.endings, ...listener] }, { config, clock, giveUp, connections });
    return { failed, telemetry, stop, ...(listener[0] === undefined ? {} : { url: listener[0].url }) };
  } catch (error) {
    await closeAll(connections);
    throw error instanceof FatalError ? error : new FatalError('start_failed', `The processor could not start: ${messageOf(error)}`, { cause: error });
  }
}

/** What must be there before anything looks for it. */
async function prepare({ config, store, stream, targets, telemetry }: Pick<Ground, 'config' | 'store' | 'stream' | 'targets' | 'telemetry'>): Promise<void> {
  await prepareDatabase(openStore(stream.db), config.retentionDays, { auditRetentionDays: config.auditRetentionDays });
  await checkMasterKeys(store, telemetry);
  await registerDefaultTarget(store, config, telemetry);
  await targets.refresh();
  tellUnreadable(targets, telemetry);
}

/** Puts the stages together. Where one tells another something, the wire runs through here. */
function assemble(ground: Ground): Machinery {
  const { config, store, stream, targets, clock, telemetry, openFeed, lookup, fail, giveUp } = ground;
  const serverClock = new ServerClock(clock);
  const random = systemRandom;
  const book = new LaneBook();
  const scheduler = createScheduler({ store, clock, serverClock, telemetry });
  const [host, { pid }] = [hostname(), process];
  const session = createSession({ store, clock, serverClock, telemetry, fail }, {
    host, pid, onRenewed,
    chooseMember: () => chooseMember(store, { wanted: config.processorName, fallback: defaultMember(), host, pid }),
    onLost: () => ownership.dropAll(),
  });
  const delivery = createDelivery(
    { store, clock, serverClock, random, telemetry, targets, isTrusted: () => session.isTrusted(), onTimer: (dueAt) => scheduler.expect(dueAt), isInMemory: (targetId, id) => book.get(targetId)?.port.has(id) === true, giveUp },
    { globalConcurrency: config.globalConcurrency, urlRules: createUrlRules(config), lookup },
  );
  const offering = createOffering(store, book);
  const refill = createRefill({ clock, telemetry, book, offering });
  const repair = createRepair(store, serverClock);
  stream.onElected(repair.suspectRecent);
  const dispatch = createDispatch({ store, book, offering, park: delivery.park, onParked: () => refill.nudge() });
  const ownership = createOwnership({
    store, clock, serverClock, telemetry, book, session,
    targets: () => targets.all(),
    openLane: delivery.openLane,
    onTaken: searchForLeftovers,
    onRoom: () => refill.nudge(),
  });
  /** On the monotonic clock: all that was written before is told. */
  let toldUpToMs = clock.monotonic();
  const feed = openFeed({ connection: stream, clock, serverClock, telemetry, checkpoint: createCheckpoint(store, clock, () => session.member), fail, handle, onCaughtUp });
  const sweep = createSweep({ store, clock, random, telemetry, book, park: delivery.park, recheck: delivery.recheck, streamReached: feed.reached, refill: () => refill.nudge(), repair: repair.run });
  const ending = createEnding({ store, clock, telemetry, book, targets: () => targets.all() });
  const hours = createHourCounts({ store, clock, serverClock, telemetry });
  targets.onRefresh(pokeLanes);
  const endings = [feed, ending, sweep, refill, scheduler, ownership, { stop: () => delivery.flush() }, hours, session];
  return { services: [session, hours, ownership, feed, scheduler, refill, sweep, ending], endings, delivery, session, readings };

  async function handle(changes: readonly Change[], catchingUp: boolean): Promise<number> {
    const kinds = new Set(changes.map(({ kind }) => kind));
    if (kinds.has('collectionGone')) await prepareDatabase(store, config.retentionDays, { auditRetentionDays: config.auditRetentionDays, signal: giveUp });
    if (kinds.has('targetsChanged')) await targets.refresh();
    if (kinds.has('lanesChanged') || kinds.has('targetsChanged')) ownership.nudge();
    return dispatch(changes, catchingUp);
  }

  function onCaughtUp(asOfMs: number, first: boolean): void {
    toldUpToMs = Math.max(toldUpToMs, asOfMs);
    book.caughtUpTo(asOfMs);
    if (!first) return;
    searchForLeftovers();
    void rereadTargets();
  }

  /** What changed after they were read and before the stream was open, or where it lost its history, it never tells. */
  async function rereadTargets(): Promise<void> {
    try {
      await targets.refreshIfChanged();
      ownership.nudge();
    } catch (error) {
      // Without the database the stream fails too, and catches up again.
      telemetry.emit('loop.failed', { loop: 'targets', error: messageOf(error) });
    }
  }

  /** Whoever sent from here before, or the stream before it broke, may have left work undone and marks unwritten. */
  function searchForLeftovers(): void {
    repair.suspectRecent();
    sweep.nudge();
    ending.nudge();
  }

  function onRenewed(): void {
    pokeLanes();
    ownership.glance();
  }

  function readings(): ProcessorReadings {
    const ports = book.all().map(({ port }) => port);
    return {
      lanesOwned: ports.length, lanesShut: ports.filter(({ isShut }) => isShut).length, inMemory: ports.reduce((sum, { size }) => sum + size, 0),
      slots: config.globalConcurrency, slotsInUse: delivery.slotsInUse(), streamLagMs: clock.monotonic() - toldUpToMs,
    };
  }

  function pokeLanes(): void {
    for (const { port } of book.all()) port.poke();
  }
}

/** None unless a port is set, and then nothing is measured either. */
function listenerFor({ session, readings }: Machinery, { config, store, clock, telemetry, work }: Pick<Ground, 'config' | 'store' | 'clock' | 'telemetry'> & { readonly work: Connection }): readonly HttpServer[] {
  if (config.metricsPort === null) return [];
  const ping = async (): Promise<void> => {
    await pingPrimary(work.db);
    if (!session.isTrusted()) throw new Error('the session of this processor has not been renewed lately');
  };
  return [createMetricsListener({ config, store, clock, telemetry, metrics: createMetrics(telemetry, processorMetrics(readings)), ping })];
}

interface Ending {
  readonly config: Config;
  readonly clock: Clock;
  readonly giveUp: AbortController;
  readonly connections: readonly Connection[];
}

/** Attempts may finish within the grace; then they are cut, and a little later what is not written is given up. */
async function stopInOrder({ endings, delivery }: Machinery, { config, clock, giveUp, connections }: Ending): Promise<void> {
  const done = new AbortController();
  const unlessDone = (afterMs: number, act: () => void): void => void clock.sleep(afterMs, done.signal).then(() => done.signal.aborted || act());
  unlessDone(config.shutdownGraceMs, () => delivery.abortAttempts());
  unlessDone(config.shutdownGraceMs + WRITE_GRACE_MS, () => giveUp.abort());
  try {
    await Promise.race([stopAll(endings), clock.sleep(config.shutdownGraceMs + WRITE_GRACE_MS + LAST_GRACE_MS, done.signal)]);
  } finally {
    done.abort();
    await delivery.close();
    await closeAll(connections);
  }
}

const closeAll = (connections: readonly Connection[]): Promise<unknown> => Promise.all(connections.map((connection) => connection.close()));

if (isMain(import.meta.url)) {
  await runProgram(async () => {
    const config = loadConfig();
    const telemetry = createTelemetry();
    logTelemetry(telemetry, { level: config.logLevel, format: config.logFormat, name: 'processor' });
    return startProcessor(config, { telemetry });
  });
}
