/**
 * A world for one flow test: a database of its own on a real replica set, a receiver, and our programs against them, in this
 * process (their telemetry at hand) or as processes of their own (to be killed). Everything started through it is ended by
 * `end()`, whatever the test did.
 */
import { randomUUID } from 'node:crypto';
import { MongoClient, type Db } from 'mongodb';
import { startProcessor, type ProcessorParts } from '../../src/processor.ts';
import { loadConfig, type Config, type Environment } from '../../src/runtime/config.ts';
import type { Running } from '../../src/runtime/program.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { startServer, type RunningServer } from '../../src/server.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { createSink, type Behaviour, type Sink, type SinkRequest } from '../../tools/sink/sink.ts';
import { startChild, type Child } from './child.ts';
import { eventually } from './eventually.ts';
import { watchTelemetry, type TelemetryWatch } from './telemetry-watch.ts';

export const INGEST_SECRET = 'a-secret-for-tests';
export const DOWNSTREAM_SECRET = `whsec_${Buffer.from('thirty-two-bytes-of-test-secret!').toString('base64')}`;

export interface WorldOptions {
  readonly uri: string;
  /** On top of the settings that suit a test: unlimited rate, loopback allowed, a short schedule. */
  readonly env?: Environment;
  readonly behaviour?: Behaviour;
  readonly bodies?: boolean;
}

export interface WatchedProcessor extends Running {
  readonly told: TelemetryWatch;
}

export class World {
  readonly sink: Sink;
  readonly sinkUrl: string;
  readonly db: Db;
  readonly store: Store;
  readonly env: Environment;
  readonly #client: MongoClient;
  readonly #endings: (() => Promise<unknown>)[] = [];

  private constructor(parts: { sink: Sink; sinkUrl: string; client: MongoClient; env: Environment }) {
    this.sink = parts.sink;
    this.sinkUrl = parts.sinkUrl;
    this.#client = parts.client;
    this.env = parts.env;
    this.db = parts.client.db(this.config().mongodbDb);
    this.store = openStore(this.db);
  }

  static async create({ uri, env = {}, behaviour, bodies = true }: WorldOptions): Promise<World> {
    const sink = createSink({ secret: DOWNSTREAM_SECRET, bodies, ...(behaviour === undefined ? {} : { behaviour }) });
    const { url } = await sink.start();
    const client = await new MongoClient(uri, { promoteBuffers: true }).connect();
    const settings = {
      MONGODB_URI: uri, MONGODB_DB: `t_${randomUUID().slice(0, 8)}`, PORT: '0', INGEST_SECRET, DOWNSTREAM_SECRET, DOWNSTREAM_URL: url,
      SSRF_ALLOW_CIDRS: '127.0.0.0/8', RATE_LIMIT_PER_SECOND: '0', INGEST_RATE_PER_ADDRESS: '0', TARGET_CONCURRENCY: '0', RETRY_SCHEDULE: '300ms', LOG_FORMAT: 'json',
    };
    return new World({ sink, sinkUrl: url, client, env: { ...settings, ...env } });
  }

  config(env: Environment = {}): Config {
    return loadConfig({ ...this.env, ...env });
  }

  async server(env: Environment = {}): Promise<RunningServer> {
    const server = await startServer(this.config(env));
    this.#endings.unshift(() => server.stop());
    return server;
  }

  async processor(env: Environment = {}, parts: ProcessorParts = {}): Promise<WatchedProcessor> {
    const telemetry = createTelemetry();
    const told = watchTelemetry(telemetry);
    const processor = await startProcessor(this.config(env), { telemetry, ...parts });
    let stopped: Promise<void> | null = null;
    const stop = (): Promise<void> => (stopped ??= processor.stop());
    this.#endings.unshift(stop);
    return { ...processor, stop, told };
  }

  /** A program in a process of its own; resolves once it says that it runs. */
  async child(program: 'server' | 'processor', env: Environment = {}, preloads: readonly string[] = []): Promise<Child> {
    const child = this.start(program, env, preloads);
    await child.line(`"event":"${program}.started"`);
    return child;
  }

  /** The same, while it is still starting. */
  start(program: 'server' | 'processor', env: Environment = {}, preloads: readonly string[] = []): Child {
    const child = startChild(program, { ...this.env, ...env }, preloads);
    this.#endings.unshift(() => child.end());
    return child;
  }

  /** Resolves once every event that came in has a final status; answers how many there are. Those that we tell operators of are left aside. */
  async settled(expected: number, timeoutMs = 30_000): Promise<void> {
    await eventually(async () => {
      const cameIn = { type: { $not: /^hooktail\.target\./ } };
      const [all, final] = await Promise.all([this.store.events.countDocuments(cameIn), this.store.events.countDocuments({ ...cameIn, status: { $in: ['DELIVERED', 'FAILED_PERMANENTLY', 'UNROUTED'] } })]);
      if (all !== expected || final !== expected) throw new Error(`Expected ${expected} events with a final status, got ${final} of ${all}`);
    }, { timeoutMs, everyMs: 100 });
  }

  /** Requests at the receiver, by event. */
  received(): ReadonlyMap<string, readonly SinkRequest[]> {
    const byId = new Map<string, SinkRequest[]>();
    for (const request of this.sink.requests) {
      const id = request.id ?? '';
      byId.set(id, [...(byId.get(id) ?? []), request]);
    }
    return byId;
  }

  /** How many requests came beyond the first of each event. */
  duplicates(): number {
    return this.sink.requests.length - new Set(this.sink.requests.map(({ id }) => id)).size;
  }

  async end(): Promise<void> {
    const faults: unknown[] = [];
    for (const ending of [...this.#endings, () => this.sink.stop(), () => this.db.dropDatabase(), () => this.#client.close()]) {
      await ending().catch((error: unknown) => faults.push(error));
    }
    if (faults.length > 0) throw faults[0];
  }
}
