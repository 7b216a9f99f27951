/**
 * Everything a run consists of, as real processes: a replica set, servers, processors, the receiver. It only starts and ends
 * things and finds them again; what happens to them is a fault's or a scenario's affair.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MongoClient } from 'mongodb';
import type { Endings } from '../bench/lab/endings.ts';
import { newSecret } from '../src/domain/signing.ts';
import type { Environment } from '../src/runtime/config.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { registerTarget } from '../src/store/targets.ts';
import { startLocalMongo, type LocalMongo } from '../tools/local-mongo.ts';
import { freePorts } from '../tools/local-mongo/ports.ts';
import { faketimeEnvironment } from './faketime.ts';
import { now } from './ledger.ts';
import { clockText, GRACE_MS, Program, type ProgramKind } from './program.ts';
import { ReceiverPort } from './receiver-port.ts';
import type { Rest } from './stalls.ts';
import { ALL_TARGETS, ATTEMPT_TIMEOUT_MS, RETRY_SCHEDULE_MS, type TargetPlan } from './targets.ts';

export interface FleetPlan {
  readonly nodes: 1 | 3;
  /** Started at the beginning; more may join. */
  readonly processors: number;
  readonly servers?: number;
  readonly targets?: readonly TargetPlan[];
  /** On top of the settings every run has. */
  readonly environment?: Environment;
  /** More arguments for mongod. */
  readonly mongoArgs?: readonly string[];
  /** Programs run on clocks that can be set; the run is left out where libfaketime cannot be had. */
  readonly clocks?: boolean;
  /** So does mongod; needs `clocks`. */
  readonly databaseClock?: boolean;
}

export interface FleetOptions extends FleetPlan {
  readonly seed: number;
  /** For logs; it exists. */
  readonly folder: string;
  /** Of libfaketime; null to leave clocks alone. */
  readonly faketimePath: string | null;
  readonly endings: Endings;
  readonly signal: AbortSignal;
}

export const INGEST_SECRET = 'torture-ingest-secret';
const DATABASE = 'torture';
/** The name of mongod's clock. */
const DATABASE_CLOCK = 'mongod';
/** Small, since it is the most that a crash of a processor may repeat. */
export const SLOTS = 50;
/** A program that starts so soon after a fault of the database may meet it. */
const AFTERMATH_MS = 5_000;
const START_TRIES = 10;

export class Fleet {
  readonly mongo: LocalMongo;
  readonly client: MongoClient;
  readonly store: Store;
  readonly receiver: ReceiverPort;
  readonly targets: readonly TargetPlan[];
  readonly servers: Program[] = [];
  /** All that ever were, the stopped ones included. */
  readonly processors: Program[] = [];
  readonly serverUrls: string[] = [];
  /** Starts that failed because the database was away just then, and were made again, as any supervisor would. */
  repeatedStarts = 0;
  readonly #options: FleetOptions;
  #named = 0;
  #troubles = 0;
  #troubledUntilMs = -Infinity;

  private constructor(options: FleetOptions, parts: { mongo: LocalMongo; client: MongoClient; receiver: ReceiverPort }) {
    this.#options = options;
    this.mongo = parts.mongo;
    this.client = parts.client;
    this.receiver = parts.receiver;
    this.store = openStore(parts.client.db(DATABASE));
    this.targets = options.targets ?? ALL_TARGETS;
  }

  /** Resolves once events can be sent and are delivered. */
  static async open(options: FleetOptions): Promise<Fleet> {
    const fleet = await Fleet.prepare(options);
    await fleet.#addServers(options.servers ?? 1);
    await Promise.all(Array.from({ length: options.processors }, () => fleet.addProcessor()));
    return fleet;
  }

  private static async prepare(options: FleetOptions): Promise<Fleet> {
    const { nodes, mongoArgs = [], endings, signal, seed, targets = ALL_TARGETS } = options;
    const env = options.databaseClock === true ? (await makeClock(options, DATABASE_CLOCK)).env : {};
    const mongo = await startLocalMongo({ nodes, args: mongoArgs, env, signal });
    await endings.add(() => mongo.stop());
    const receiver = await ReceiverPort.open(targets, seed);
    await endings.add(() => receiver.end());
    const client = await new MongoClient(mongo.uri, { promoteBuffers: true, serverSelectionTimeoutMS: 30_000 }).connect();
    await endings.add(() => client.close());
    const fleet = new Fleet(options, { mongo, client, receiver });
    for (const target of targets) await fleet.#register(target);
    return fleet;
  }

  async #register(target: TargetPlan): Promise<void> {
    await registerTarget(this.store, {
      id: target.id, url: this.receiver.urlOf(target), eventTypes: [target.wants], secrets: null, freshSecret: newSecret(),
      limits: target.limits, timeoutMs: ATTEMPT_TIMEOUT_MS, retry: { scheduleMs: RETRY_SCHEDULE_MS, maxAttempts: null },
    });
  }

  /** Starts one more; named `p1`, `p2`, … unless told otherwise. */
  async addProcessor(name = `p${++this.#named}`): Promise<Program> {
    const processor = await this.#make('processor', name, { PROCESSOR_NAME: name });
    this.processors.push(processor);
    await this.start(processor);
    return processor;
  }

  /** On a port of its own, the same over all its starts. */
  async #addServers(count: number): Promise<void> {
    for (const [index, port] of (await freePorts(count)).entries()) {
      const server = await this.#make('server', `s${index + 1}`, { PORT: String(port) });
      this.servers.push(server);
      this.serverUrls.push(`http://127.0.0.1:${port}`);
      await this.start(server);
    }
  }

  async #make(kind: ProgramKind, name: string, own: Environment): Promise<Program> {
    const { folder, environment = {}, endings } = this.#options;
    const { clockPath, env: faketime } = await makeClock(this.#options, name);
    const env = { ...this.#common(), ...environment, ...own, ...faketime };
    const program = new Program({ kind, name, env, clockPath, logPath: join(folder, 'logs', `${name}.log`) });
    await endings.add(() => program.end());
    return program;
  }

  #common(): Environment {
    return {
      MONGODB_URI: this.mongo.uri, MONGODB_DB: DATABASE, INGEST_SECRET, INGEST_RATE_PER_ADDRESS: '0', SSRF_ALLOW_CIDRS: '127.0.0.0/8', GLOBAL_CONCURRENCY: String(SLOTS),
      SHUTDOWN_GRACE_MS: String(GRACE_MS), LOG_FORMAT: 'json', LOG_LEVEL: 'info',
    };
  }

  /**
   * Starts a stopped program. While the database is in trouble a start may fail, and is made again; at any other time that is
   * a program that needed help.
   */
  async start(program: Program): Promise<void> {
    for (let left = START_TRIES; ; left -= 1) {
      const isExcused = (): boolean => this.#troubled && left > 1;
      await this.mongo.waitForPrimary().catch(() => undefined);
      try {
        return await program.start(isExcused);
      } catch (error) {
        if (!isExcused()) throw error;
        this.repeatedStarts += 1;
      }
    }
  }

  /** Processors that have started and are not frozen, in the order of their names. */
  get up(): readonly Program[] {
    return this.processors.filter(({ started, frozen }) => started && !frozen);
  }

  /** The processor that owns a target's lane and whose session lives, by the database; null while there is none. */
  async ownerOf({ id }: Pick<TargetPlan, 'id'>): Promise<Program | null> {
    const lane = await this.store.lanes.findOne({ _id: id });
    const session = lane?.owner == null ? null : await this.store.sessions.findOne({ _id: lane.owner, live: true });
    return this.processors.find(({ name }) => name === session?.member) ?? null;
  }

  /** Marks the time in which the database may be away. */
  async troubling<T>(fault: () => Promise<T>): Promise<T> {
    this.#troubles += 1;
    try {
      return await fault();
    } finally {
      this.#troubles -= 1;
      this.#troubledUntilMs = now() + AFTERMATH_MS;
    }
  }

  get #troubled(): boolean {
    return this.#troubles > 0 || now() < this.#troubledUntilMs;
  }

  get helpNeeded(): readonly string[] {
    return [...this.servers, ...this.processors].flatMap(({ helpNeeded }) => helpNeeded);
  }

  /** Moves mongod's wall clock by so many seconds against the true one. */
  async setDatabaseClock(offsetSeconds: number): Promise<void> {
    await writeFile(clockPathOf(this.#options.folder, DATABASE_CLOCK), clockText(offsetSeconds));
  }

  /** When processors kept breakers open. One that another processor goes on with is told by whoever opened it. */
  get rests(): readonly Rest[] {
    const told = this.processors.flatMap((processor) => processor.said('breaker.opened'));
    return told.map(({ atMs, fields }) => ({ targetId: String(fields['targetId']), fromMs: atMs, untilMs: atMs + Number(fields['forMs']) }));
  }

  /** How often a processor was interrupted so that what it had in hand may come again. */
  get interruptions(): number {
    return this.processors.reduce((sum, { interruptions }) => sum + interruptions, 0);
  }
}

const clockPathOf = (folder: string, name: string): string => join(folder, 'logs', `${name}.clock`);

/** A clock that can be set, set right, and what a program needs to run on it; nothing where clocks are left alone. */
async function makeClock({ folder, faketimePath }: Pick<FleetOptions, 'folder' | 'faketimePath'>, name: string): Promise<{ readonly clockPath: string | null; readonly env: Readonly<Record<string, string>> }> {
  const clockPath = clockPathOf(folder, name);
  await mkdir(dirname(clockPath), { recursive: true });
  if (faketimePath === null) return { clockPath: null, env: {} };
  await writeFile(clockPath, clockText(0));
  return { clockPath, env: faketimeEnvironment(faketimePath, clockPath) };
}
