/** The whole system as a rig: a fresh MongoDB, the server and the processor, each as it is run in earnest. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { startLocalMongo } from '../tools/local-mongo.ts';
import { Child } from './child.ts';
import { DatabaseCounter } from './database-counts.ts';
import { deadline } from './deadline.ts';
import { commonEnvironment, type Rig, type RigOptions } from './rig.ts';

const DATABASE = 'bench';
const SETTLE_TIMEOUT_MS = 60_000;
const LOOK_EVERY_MS = 50;

export async function buildHooktail(options: RigOptions): Promise<Rig> {
  const { endings, profileDir, signal } = options;
  const mongo = await startLocalMongo({ signal });
  await endings.add(() => mongo.stop());
  const client = await DatabaseCounter.connect(mongo.uri);
  await endings.add(() => client.close());
  const environment = { ...commonEnvironment(options), MONGODB_URI: mongo.uri, MONGODB_DB: DATABASE, PROCESSOR_NAME: 'bench' };

  const server = new Child({ script: 'src/server.ts', environment, profileDir });
  await endings.add(() => server.end());
  const url = urlOf(await server.line('"event":"server.started"'));
  const processor = new Child({ script: 'src/processor.ts', environment, profileDir });
  await endings.add(() => processor.end());
  await processor.line('"event":"lane.taken"');
  await processor.line('"event":"stream.caughtUp"');

  const db = client.db(DATABASE);
  const counter = new DatabaseCounter(client);
  return {
    url,
    pids: { server: server.pid, processor: processor.pid, mongod: mongo.nodes[0]?.pid ?? 0 },
    settle: () => deadline(untilMarked(db, signal), { what: 'every event to be marked', ms: SETTLE_TIMEOUT_MS }),
    startCounts: () => counter.start(),
    stopCounts: (events) => counter.stop(events),
    proveStored: (ids) => proveStored(db, ids),
  };
}

function urlOf(line: string): string {
  const url: unknown = (JSON.parse(line) as Record<string, unknown>)['url'];
  if (typeof url !== 'string') throw new Error(`Expected the server to log its url, got ${line}`);
  return url;
}

/** The mark is the last thing written about an event, so what it costs belongs to the run. */
async function untilMarked(db: Db, signal: AbortSignal): Promise<void> {
  while ((await db.collection('events').findOne({ pendingFanOut: true }, { projection: { _id: 1 }, hint: 'pendingFanOut' })) !== null) await sleep(LOOK_EVERY_MS, undefined, { signal });
}

async function proveStored(db: Db, accepted: ReadonlySet<string>): Promise<void> {
  const [events, deliveries] = await Promise.all([
    db.collection<{ _id: string }>('events').find({ status: 'DELIVERED' }, { projection: { _id: 1 } }).toArray(),
    db.collection<{ eventId: string }>('deliveries').find({ state: 'delivered' }, { projection: { eventId: 1 } }).toArray(),
  ]);
  requireSame('events stored as DELIVERED', events.map(({ _id }) => _id), accepted);
  requireSame('deliveries stored as delivered', deliveries.map(({ eventId }) => eventId), accepted);
}

function requireSame(what: string, ids: readonly string[], accepted: ReadonlySet<string>): void {
  const known = ids.filter((id) => accepted.has(id)).length;
  if (ids.length !== accepted.size || known !== accepted.size) throw new Error(`Expected the ${accepted.size} accepted events as ${what}, got ${ids.length}, of which ${known} were accepted`);
}
