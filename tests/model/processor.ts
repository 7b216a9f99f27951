/**
 * One life of one processor, from its start to its crash: the product's own parts, put together as src/processor.ts does, over
 * a store whose statements are steps, a stream that is a log, and a sender that asks the scripted receiver. Lanes are small, so
 * that parking is common. Which lanes it takes is the script's to say; how it takes them is the product's statement.
 */
import { createCourier, type Deliver } from '../../src/delivery/courier.ts';
import type { Allowance } from '../../src/delivery/budget.ts';
import { Gate } from '../../src/delivery/gate.ts';
import { HealthKeeper } from '../../src/delivery/health.ts';
import { Lane } from '../../src/delivery/lane.ts';
import { createMarker, type Marker } from '../../src/delivery/mark.ts';
import { createOpenPacer } from '../../src/delivery/pacer.ts';
import { createPark } from '../../src/delivery/park.ts';
import { createSettler, type SettleResult } from '../../src/delivery/settle.ts';
import { Slots } from '../../src/delivery/slots.ts';
import { Spacing } from '../../src/delivery/spacing.ts';
import type { DeliveryClaim } from '../../src/domain/delivery.ts';
import { newSessionId, type DeliveryId, type SessionId, type TargetId } from '../../src/domain/ids.ts';
import type { Batcher } from '../../src/runtime/batcher.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { createPersist } from '../../src/runtime/persist.ts';
import { ServerClock } from '../../src/runtime/server-clock.ts';
import { createTelemetry, type Telemetry } from '../../src/runtime/telemetry.ts';
import { createScheduler } from '../../src/scheduler/scheduler.ts';
import type { Settlement } from '../../src/store/deliveries.ts';
import { listLanes, releaseLane, storeHealth, takeLane, type LaneRecord } from '../../src/store/lanes.ts';
import { endPredecessors, liveSessions, renewSession, startSession } from '../../src/store/sessions.ts';
import type { Store } from '../../src/store/store.ts';
import type { TargetBook } from '../../src/store/target-book.ts';
import { createCheckpoint } from '../../src/streams/checkpoint.ts';
import { createDispatch } from '../../src/streams/dispatch.ts';
import { createFeed, type FeedDeps } from '../../src/streams/feed.ts';
import { LaneBook } from '../../src/streams/lane-book.ts';
import { createOffering } from '../../src/streams/offering.ts';
import { createRefill } from '../../src/streams/refill.ts';
import { createRepair } from '../../src/streams/repair.ts';
import { createSweep } from '../../src/streams/sweep.ts';
import type { Ledger } from './receiver.ts';
import type { Steps } from './steps.ts';

export interface ProcessorGround {
  /** This life of this member. */
  readonly actor: string;
  readonly member: string;
  /** The session of the member's life before. */
  readonly replaces: readonly SessionId[];
  readonly steps: Steps;
  readonly clock: Clock;
  readonly store: Store;
  /** Where the feed finds the log, in place of the database's own stream. */
  readonly connection: FeedDeps['connection'];
  readonly targets: TargetBook;
  readonly ledger: Ledger;
  /** Told of each result, before and after it is written. */
  readonly watch: SettleWatch;
  readonly onFault: (fault: string) => void;
}

export interface SettleWatch {
  readonly begun: (settlement: Settlement) => void;
  readonly ended: (settlement: Settlement, result: SettleResult) => void;
}

const ROOM = 2;
const CONCURRENCY = 2;

export class ModelProcessor {
  readonly actor: string;
  readonly book = new LaneBook();
  session: SessionId;
  trusted = false;
  readonly #ground: ProcessorGround;
  readonly #leaving = new Set<TargetId>();
  /** Beginning, renewing and taking come one after the other. */
  #busy: Promise<void> = Promise.resolve();
  readonly #machinery: Machinery;

  constructor(ground: ProcessorGround) {
    this.#ground = ground;
    this.actor = ground.actor;
    this.session = newSessionId(ground.clock.now());
    this.#machinery = assemble(ground, this.book, () => this.trusted);
  }

  /** In the order of the product: session, lanes, then all that runs. */
  start(): void {
    this.#queue(async () => {
      await endPredecessors(this.#ground.store, this.#ground.replaces);
      await this.#begin();
      await this.#take();
      for (const service of this.#machinery.services) await service.start();
    });
  }

  /** Looks at the lanes: takes the free ones, drops those that others have taken. */
  take(): void {
    this.#queue(() => this.#take());
  }

  /** Lets what runs there end, then gives the lane back. */
  handOver(targetId: TargetId): void {
    const lane = this.book.get(targetId);
    if (lane === null) return;
    this.#run(async () => {
      this.book.remove(targetId);
      this.#leaving.add(targetId);
      await lane.port.drain();
      await releaseLane(this.#ground.store, targetId, this.session, lane.term);
      this.#leaving.delete(targetId);
    });
  }

  /** Renews its session, and begins another when that one was ended. */
  renew(): void {
    this.#queue(async () => {
      if ((await renewSession(this.#ground.store, this.session)) !== null) return;
      for (const { port } of this.book.all()) this.#drop(port.targetId);
      this.session = newSessionId(this.#ground.clock.now());
      await this.#begin();
      await this.#take();
    });
  }

  #queue(task: () => Promise<void>): void {
    this.#run(() => (this.#busy = this.#busy.then(task)));
  }

  #run(task: () => Promise<void>): void {
    task().catch((error: unknown) => this.#ground.onFault(`${this.actor}: ${String(error)}`));
  }

  async #begin(): Promise<void> {
    const { store, member } = this.#ground;
    this.trusted = (await startSession(store, { id: this.session, member, host: 'model', pid: 1 })) !== null;
    for (const { port } of this.book.all()) port.poke();
  }

  async #take(): Promise<void> {
    const { store, targets } = this.#ground;
    if (!this.trusted) return;
    const own = this.session;
    const sessions = new Set((await liveSessions(store)).map(({ id }) => id));
    const lanes = await listLanes(store, targets.all().map(({ id }) => id));
    for (const { targetId, owner, term } of lanes) {
      const held = this.book.get(targetId);
      if (held !== null && (owner !== own || term !== held.term)) this.#drop(targetId);
    }
    const isFree = (owner: SessionId | null, targetId: TargetId): boolean => owner === null || !sessions.has(owner) || (owner === own && this.book.get(targetId) === null);
    for (const seen of lanes) {
      if (this.#leaving.has(seen.targetId) || !isFree(seen.owner, seen.targetId) || own !== this.session) continue;
      const taken = await takeLane(store, seen, own);
      if (taken !== null && own === this.session) this.#add(taken);
    }
  }

  #add(record: LaneRecord): void {
    const { clock } = this.#ground;
    const { openLane, searchForLeftovers } = this.#machinery;
    this.book.add({ port: openLane(record), limits: { ratePerSecond: 0, concurrency: CONCURRENCY }, isEnding: false, term: record.term, takenAtMs: clock.monotonic(), catchingUp: true, hasParked: true, parkings: 0 });
    searchForLeftovers();
  }

  #drop(targetId: TargetId): void {
    const lane = this.book.get(targetId);
    this.book.remove(targetId);
    if (lane !== null) this.#run(() => lane.port.drain());
  }
}

interface Machinery {
  readonly services: readonly { start(): Promise<void> }[];
  readonly openLane: (record: LaneRecord) => Lane;
  readonly searchForLeftovers: () => void;
}

function assemble(ground: ProcessorGround, book: LaneBook, isTrusted: () => boolean): Machinery {
  const { clock, store, connection, member, onFault, actor } = ground;
  const serverClock = new ServerClock(clock);
  const telemetry = createTelemetry();
  telemetry.listen((name, fields) => {
    // The database answers everything here, so whatever fails is a fault of ours.
    if (name === 'loop.failed' || name === 'write.retried') onFault(`${actor}: ${name} ${JSON.stringify(fields)}`);
  });
  const persist = createPersist({ clock, telemetry, signal: new AbortController().signal });
  const marker = createMarker({ store, clock, persist, isInMemory: (targetId, id) => book.get(targetId)?.port.has(id) === true });
  const scheduler = createScheduler({ store, clock, serverClock, telemetry });
  const settler = watched(createSettler({ store, clock, persist, slots: 1, onTimer: (dueAt) => scheduler.expect(dueAt) }), ground.watch);
  const deliver = createDeliver(ground, { serverClock, telemetry, marker, settler });
  const park = createPark({ store, serverClock, telemetry, marker });
  const offering = createOffering(store, book);
  const refill = createRefill({ clock, telemetry, book, offering });
  const repair = createRepair(store, serverClock);
  const feed = createFeed({
    connection, clock, serverClock, telemetry, onCaughtUp,
    checkpoint: createCheckpoint(store, clock, () => member),
    fail: (error) => onFault(`${actor}: ${String(error)}`),
    handle: createDispatch({ store, book, offering, park, onParked: () => undefined }),
  });
  const sweep = createSweep({
    store, clock, telemetry, book, park, random: () => 0.5, streamReached: feed.reached, refill: () => refill.nudge(), repair: repair.run,
    recheck: (events) => { for (const { id: eventId, targetIds } of events) marker.note({ eventId, targetIds, progress: null }); },
  });
  const slots = new Slots(2 * CONCURRENCY);
  return { services: [feed, scheduler, refill, sweep], openLane, searchForLeftovers };

  function openLane({ targetId, term, health: stored }: LaneRecord): Lane {
    const health = new HealthKeeper(stored, {
      clock, serverClock, telemetry, isTrusted,
      target: () => ground.targets.get(targetId),
      tell: () => Promise.resolve(),
      storeHealth: (known) => persist('target health', () => storeHealth(store, targetId, term, known)),
      storeHold: () => Promise.resolve(),
      disable: () => Promise.resolve(),
    });
    const lane: Lane = new Lane(targetId, {
      slots, deliver: (job) => deliver(job, lane, health), allowance: smallAllowance(), gate: new Gate({ clock, isTrusted, isActive: () => true }), pacer: createOpenPacer(CONCURRENCY), spacing: new Spacing(clock, { everyMs: 0, catchUpMs: 0 }),
      onForgotten: (id) => book.noteForgotten(id), onRoom: () => refill.nudge(), onPoke: () => health.look(),
    });
    health.rule(lane);
    return lane;
  }

  function onCaughtUp(asOfMs: number, first: boolean): void {
    book.caughtUpTo(asOfMs);
    if (first) searchForLeftovers();
  }

  function searchForLeftovers(): void {
    repair.suspectRecent();
    sweep.nudge();
  }
}

function smallAllowance(): Allowance {
  let held = 0;
  return {
    get room() {
      return ROOM - held;
    },
    get isRoomy() {
      return held < ROOM;
    },
    take() {
      if (held >= ROOM) return false;
      held += 1;
      return true;
    },
    giveBack() {
      held -= 1;
    },
  };
}

type Settler = Batcher<Settlement, SettleResult>;

/** The same settler, overheard. */
function watched(settler: Settler, watch: SettleWatch): Settler {
  const add = settler.add.bind(settler);
  settler.add = async (settlement) => {
    watch.begun(settlement);
    const result = await add(settlement);
    watch.ended(settlement, result);
    return result;
  };
  return settler;
}

interface CourierParts {
  readonly serverClock: ServerClock;
  readonly telemetry: Telemetry;
  readonly marker: Marker;
  readonly settler: Settler;
}

/** The courier, with the scripted receiver at its far end and the ledger beside it. */
function createDeliver({ actor, steps, clock, targets, ledger }: ProcessorGround, parts: CourierParts): Deliver {
  const claims = new Map<DeliveryId, DeliveryClaim>();
  let starting: DeliveryClaim | null = null;
  parts.telemetry.listen((name, fields) => {
    if (name === 'attempt.started' && 'deliveryId' in fields) starting = claims.get(fields.deliveryId) ?? null;
  });
  const send = (claim: DeliveryClaim): ReturnType<Parameters<typeof createCourier>[0]['sender']['send']> => {
    const request = ledger.begin(actor, claim);
    return steps.wait({ actor, label: `send ${request.name}`, outlivesActor: true, act: (answer) => {
      request.status = answer;
      return { kind: 'answered', status: answer, retryAfter: null, excerpt: request.name };
    } });
  };
  const courier = createCourier({
    ...parts, clock, random: () => 0.5,
    sender: {
      send: () => (starting === null ? Promise.reject(new Error('Expected an attempt to be told of before it is sent')) : send(starting)),
      abortAll: () => undefined,
      close: () => Promise.resolve(),
    },
    targetOf: ({ claim }) => targets.get(claim.targetId),
  });
  return async (job, lane, health) => {
    claims.set(job.claim.id, job.claim);
    const next = await courier(job, lane, health);
    ledger.close(actor, job.claim);
    return next;
  };
}
