/** The whole system as a rig: a fresh MongoDB, the server and the processor, each as it is run in earnest. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TargetId } from '../../src/domain/ids.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { registerTarget } from '../../src/store/targets.ts';
import { startLocalMongo } from '../../tools/local-mongo.ts';
import { DatabaseCounter } from '../figures/database-counts.ts';
import { typeName } from '../lab/body.ts';
import { Child } from '../lab/child.ts';
import { deadline } from '../lab/deadline.ts';
import type { Pids } from '../lab/processes.ts';
import { commonEnvironment, DOWNSTREAM_SECRET, type BenchTarget, type Rig, type RigOptions } from './rig.ts';

export interface HooktailRig extends Rig {
  readonly store: Store;
  /** Where its database is, as our tools take it. */
  readonly address: { readonly MONGODB_URI: string; readonly MONGODB_DB: string };
  /** Resolves once it has caught up and owns every lane. */
  startProcessor(): Promise<void>;
  /** SIGTERM, or SIGKILL; resolves once it has ended. */
  endProcessor(signal?: NodeJS.Signals): Promise<void>;
  /** Resolves once every event is settled for good. */
  untilSettled(timeoutMs: number): Promise<void>;
}

const DATABASE = 'bench';
/** The launcher's own is made for a small footprint; a server's default is half of the memory. */
const CACHE_GB = '4';
const SETTLE_TIMEOUT_MS = 120_000;
const OWNED_TIMEOUT_MS = 60_000;
const LOOK_EVERY_MS = 50;

export const targetIdOf = ({ number }: Pick<BenchTarget, 'number'>): TargetId => `tgt_bench${String(number).padStart(4, '0')}` as TargetId;

/** With its processor running. */
export async function buildHooktail(options: RigOptions): Promise<HooktailRig> {
  const rig = await buildWithoutProcessor(options);
  await rig.startProcessor();
  return rig;
}

export async function buildWithoutProcessor(options: RigOptions): Promise<HooktailRig> {
  const { endings, profileDir, signal, targets, mongoArgs = [], downstreamUrl } = options;
  const mongo = await startLocalMongo({ signal, args: ['--wiredTigerCacheSizeGB', CACHE_GB, ...mongoArgs] });
  await endings.add(() => mongo.stop());
  const client = await DatabaseCounter.connect(mongo.uri);
  await endings.add(() => client.close());
  const store = openStore(client.db(DATABASE));
  for (const target of targets) await register(store, target, downstreamUrl);
  const address = { MONGODB_URI: mongo.uri, MONGODB_DB: DATABASE };
  const environment = { ...commonEnvironment(options), ...address, PROCESSOR_NAME: 'bench' };
  const server = new Child({ script: 'src/server.ts', environment, profileDir });
  await endings.add(() => server.end());
  const url = urlOf(await server.line('"event":"server.started"'));
  const counter = new DatabaseCounter(client);
  let processor: Child | null = null;
  await endings.add(async () => processor?.end());

  return {
    url, store, address,
    get pids(): Pids {
      return { server: server.pid, ...(processor === null ? {} : { processor: processor.pid }), mongod: mongo.nodes[0]?.pid ?? 0 };
    },
    async startProcessor() {
      processor = new Child({ script: 'src/processor.ts', environment, profileDir });
      await processor.line('"event":"stream.caughtUp"');
      await deadline(untilOwned(store, targets.length, signal), { what: 'every lane to be owned', ms: OWNED_TIMEOUT_MS });
    },
    async endProcessor(how = 'SIGTERM') {
      await processor?.end(how);
      processor = null;
    },
    settle: () => deadline(untilMarked(store, signal), { what: 'every event to be marked', ms: SETTLE_TIMEOUT_MS }),
    untilSettled: (timeoutMs) => deadline(untilSettled(store, signal), { what: 'every event to be settled', ms: timeoutMs }),
    startCounts: () => counter.start(),
    stopCounts: (events) => counter.stop(events),
    proveStored: (ids) => proveStored(store, ids),
  };
}

async function register(store: Store, target: BenchTarget, downstreamUrl: string): Promise<void> {
  const { number, limits, timeoutMs, retryScheduleMs: scheduleMs, maxAttempts } = target;
  await registerTarget(store, {
    id: targetIdOf(target), url: `${downstreamUrl}/${number}`, eventTypes: [typeName(number)], secrets: [DOWNSTREAM_SECRET], freshSecret: DOWNSTREAM_SECRET,
    limits, timeoutMs, retry: { scheduleMs, maxAttempts },
  });
}

function urlOf(line: string): string {
  const url: unknown = (JSON.parse(line) as Record<string, unknown>)['url'];
  if (typeof url !== 'string') throw new Error(`Expected the server to log its url, got ${line}`);
  return url;
}

async function untilOwned({ lanes, sessions }: Store, count: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const session = await sessions.findOne({ live: true });
    if (session !== null && (await lanes.countDocuments({ owner: session._id })) >= count) return;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** The mark is the last thing written about an event, so what it costs belongs to the run. */
async function untilMarked({ events }: Store, signal: AbortSignal): Promise<void> {
  while ((await events.findOne({ pendingFanOut: true }, { projection: { _id: 1 }, hint: 'pendingFanOut' })) !== null) await sleep(LOOK_EVERY_MS, undefined, { signal });
}

async function untilSettled(store: Store, signal: AbortSignal): Promise<void> {
  await untilMarked(store, signal);
  while ((await store.deliveries.findOne({ wakeAt: { $exists: true } }, { projection: { _id: 1 } })) !== null) await sleep(LOOK_EVERY_MS, undefined, { signal });
  while ((await store.events.findOne({ settledAt: { $exists: false } }, { projection: { _id: 1 } })) !== null) await sleep(LOOK_EVERY_MS, undefined, { signal });
}

async function proveStored({ events, deliveries }: Store, accepted: ReadonlySet<string>): Promise<void> {
  const [storedEvents, settled] = await Promise.all([
    events.find({ status: 'DELIVERED' }, { projection: { _id: 1 } }).toArray(),
    deliveries.find({ state: 'delivered' }, { projection: { eventId: 1 } }).toArray(),
  ]);
  requireSame('events stored as DELIVERED', storedEvents.map(({ _id }) => _id), accepted);
  requireSame('deliveries stored as delivered', settled.map(({ eventId }) => eventId), accepted);
}

function requireSame(what: string, ids: readonly string[], accepted: ReadonlySet<string>): void {
  const known = ids.filter((id) => accepted.has(id)).length;
  if (ids.length !== accepted.size || known !== accepted.size) throw new Error(`Expected the ${accepted.size} accepted events as ${what}, got ${ids.length}, of which ${known} were accepted`);
}
