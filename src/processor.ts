/**
 * The processor: composition root and program. Tails the change stream, owns lanes, delivers, retries, sweeps.
 *
 *   start   indexes → targets → session → lanes → feed → scheduler → sweep
 *   stop    feed (place saved) → sweep, scheduler → lanes drained and released → session ended → connections
 */
import { hostname } from 'node:os';
import { registerDefaultTarget } from './default-target.ts';
import { createDelivery } from './delivery/delivery.ts';
import { systemClock, type Clock } from './runtime/clock.ts';
import { defaultMember, loadConfig, requireSet, type Config } from './runtime/config.ts';
import { FatalError, messageOf } from './runtime/errors.ts';
import { logTelemetry } from './runtime/logger.ts';
import { failure, isMain, runProgram, type Running } from './runtime/program.ts';
import { systemRandom } from './runtime/random.ts';
import { ServerClock } from './runtime/server-clock.ts';
import { startAll, type Service } from './runtime/service.ts';
import { createTelemetry, type Telemetry } from './runtime/telemetry.ts';
import { createScheduler } from './scheduler/scheduler.ts';
import type { Change } from './store/change-stream.ts';
import { connect } from './store/client.ts';
import { ensureIndexes } from './store/indexes.ts';
import { openStore } from './store/store.ts';
import { TargetBook } from './store/target-book.ts';
import { createCheckpoint } from './streams/checkpoint.ts';
import { createDispatch } from './streams/dispatch.ts';
import { createFeed, type Feed, type FeedDeps } from './streams/feed.ts';
import { LaneBook } from './streams/lane-book.ts';
import { chooseMember } from './streams/member.ts';
import { createOffering } from './streams/offering.ts';
import { createOwnership } from './streams/ownership.ts';
import { createRefill } from './streams/refill.ts';
import { createRepair } from './streams/repair.ts';
import { createSession } from './streams/session.ts';
import { createSweep } from './streams/sweep.ts';

export interface ProcessorParts {
  readonly telemetry?: Telemetry;
  readonly clock?: Clock;
  /** Where changes come from; the change stream unless said otherwise. */
  readonly openFeed?: (deps: FeedDeps) => Feed;
}

/** Marks are written at most this long after the settlements they describe. */
const MARKS_IN_DOUBT_MS = 30_000;

/**
 * Connects, starts everything and answers once running.
 * @throws FatalError when the configuration, the database or the name cannot be used.
 */
export async function startProcessor(config: Config, parts: ProcessorParts = {}): Promise<Running> {
  const { telemetry = createTelemetry(), clock = systemClock, openFeed = createFeed } = parts;
  requireSet(config, 'mongodbUri');
  const address = { uri: config.mongodbUri ?? '', database: config.mongodbDb };
  const work = await connect(address, 'work');
  const stream = await connect(address, 'stream');
  const store = openStore(work.db);
  const random = systemRandom;
  const serverClock = new ServerClock(clock);
  const giveUp = new AbortController();
  const { failed, fail } = failure(telemetry);

  const targets = new TargetBook(store);
  const book = new LaneBook();
  const host = hostname();
  const prepare = async (): Promise<void> => ensureIndexes(store, config.retentionDays);

  async function assemble(): Promise<Running> {
    await prepare();
    await registerDefaultTarget(store, config, telemetry);
    await targets.refresh();
    const member = await chooseMember(store, { wanted: config.processorName, fallback: defaultMember(), host, pid: process.pid });

    const session = createSession({ store, clock, serverClock, telemetry, fail }, { member, host, pid: process.pid, onRenewed, onLost: () => ownership.dropAll() });
    const scheduler = createScheduler({ store, clock, serverClock, telemetry });
    const delivery = createDelivery(
      { store, clock, serverClock, random, telemetry, targets, isTrusted: () => session.isTrusted(), onTimer: (dueAt) => scheduler.expect(dueAt), giveUp: giveUp.signal },
      { globalConcurrency: config.globalConcurrency, ssrfAllowCidrs: config.ssrfAllowCidrs },
    );
    const offering = createOffering(store, book);
    const refill = createRefill({ clock, telemetry, book, offering });
    const repair = createRepair(store, serverClock);
    const dispatch = createDispatch({ store, book, offering, park: delivery.park });
    const ownership = createOwnership({
      store, clock, serverClock, telemetry, book, session,
      targetIds: () => targets.all().map(({ id }) => id),
      openLane: delivery.openLane,
      onTaken: () => {
        repair.suspect(new Date(serverClock.now() - MARKS_IN_DOUBT_MS));
        sweep.nudge();
      },
      onRoom: () => refill.nudge(),
    });
    const feed = openFeed({ store: openStore(stream.db), clock, serverClock, telemetry, checkpoint: createCheckpoint(store, clock, member), fail, handle, onDry });
    const sweep = createSweep({ store, clock, random, telemetry, book, park: delivery.park, recheck: delivery.recheck, streamReached: feed.reached, refill: () => refill.nudge(), repair: repair.run });

    async function handle(changes: readonly Change[], catchingUp: boolean): Promise<number> {
      const kinds = new Set(changes.map(({ kind }) => kind));
      if (kinds.has('collectionGone')) await prepare();
      if (kinds.has('targetsChanged')) await targets.refresh();
      if (kinds.has('lanesChanged') || kinds.has('targetsChanged')) ownership.nudge();
      return dispatch(changes, catchingUp);
    }

    function onDry(askedAtMs: number, first: boolean): void {
      book.caughtUpTo(askedAtMs);
      if (!first) return;
      repair.suspect(new Date(serverClock.now() - MARKS_IN_DOUBT_MS));
      sweep.nudge();
    }

    function onRenewed(): void {
      for (const { port } of book.all()) port.poke();
      ownership.nudge();
    }

    targets.onRefresh(() => book.all().forEach(({ port }) => port.poke()));
    await startAll([session, ownership, feed, scheduler, refill, sweep]);
    telemetry.emit('processor.started', { member, pid: process.pid });
    return { stop: () => stopInOrder([feed, sweep, refill, scheduler, ownership], session), failed, telemetry };

    async function stopInOrder(services: readonly Service[], lease: Service): Promise<void> {
      const done = new AbortController();
      void clock.sleep(config.shutdownGraceMs, done.signal).then(() => done.signal.aborted || delivery.abortAttempts());
      void clock.sleep(config.shutdownGraceMs + WRITE_GRACE_MS, done.signal).then(() => done.signal.aborted || giveUp.abort());
      for (const service of services) await service.stop();
      await delivery.flush();
      await lease.stop();
      done.abort();
      await delivery.close();
      await Promise.all([work.close(), stream.close()]);
    }
  }

  try {
    return await assemble();
  } catch (error) {
    await Promise.all([work.close(), stream.close()]);
    throw error instanceof FatalError ? error : new FatalError('start_failed', `The processor could not start: ${messageOf(error)}`, { cause: error });
  }
}

/** After the last attempt has been cut, results may still be written for this long. */
const WRITE_GRACE_MS = 2_000;

if (isMain(import.meta.url)) {
  await runProgram(async () => {
    const config = loadConfig();
    const telemetry = createTelemetry();
    logTelemetry(telemetry, { level: config.logLevel, format: config.logFormat, name: 'processor' });
    return startProcessor(config, { telemetry });
  });
}
