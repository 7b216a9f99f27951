/**
 * A real MongoDB replica set on loopback, for `npm start`, the flow tests and the bench: finds a mongod, starts one node or three, initiates them
 * and waits for a writable primary.
 *
 * Promises: no mongod outlives this process, however it ends; a start that fails or is aborted leaves nothing running; data is kept only in a
 * folder the caller named, and everything else is removed.
 */
import { join, resolve } from 'node:path';
import { findMongod, type MongodBinary } from './local-mongo/find-binary.ts';
import { MongodProcess, type MongoNode } from './local-mongo/mongod-process.ts';
import type { MongodSettings } from './local-mongo/mongod-settings.ts';
import { freePorts } from './local-mongo/ports.ts';
import { formReplicaSet, waitForPrimary } from './local-mongo/replica-set.ts';
import { MongodStartError, portTaken } from './local-mongo/start-error.ts';
import { makeTempDir, type TempDir } from './local-mongo/temp-dir.ts';

export { findMongod, type MongodBinary, type MongodSource } from './local-mongo/find-binary.ts';
export type { MongoNode } from './local-mongo/mongod-process.ts';

export interface LocalMongoOptions {
  readonly nodes?: 1 | 3;
  /** Kept there; without it, a temporary folder that is removed at the end. */
  readonly dataDir?: string;
  readonly replicaSet?: string;
  /** Of the first node, the others follow; free ones are found without it. */
  readonly port?: number;
  /** More arguments for mongod, such as `['--oplogSize', '1']`. */
  readonly args?: readonly string[];
  /** On top of our own environment, such as a library that moves the clock. */
  readonly env?: Readonly<Record<string, string>>;
  readonly electionTimeoutMs?: number;
  readonly onNote?: (line: string) => void;
  /** Aborts the start; once started, `stop()` ends it. */
  readonly signal?: AbortSignal;
}

export interface LocalMongo {
  readonly uri: string;
  readonly nodes: readonly MongoNode[];
  readonly binary: MongodBinary;
  waitForPrimary(timeoutMs?: number): Promise<void>;
  /** Kept data is closed in order, the rest is cut off; safe twice. */
  stop(): Promise<void>;
}

const formTimeoutMs = 60_000;
const keptGraceSeconds = 20;
const portTries = 5;

export async function startLocalMongo(options: LocalMongoOptions = {}): Promise<LocalMongo> {
  const { nodes: count = 1, replicaSet = 'rs0', electionTimeoutMs = 2_000, onNote, signal } = options;
  if (process.platform === 'win32') throw new Error('A local MongoDB needs a POSIX system; use WSL, or set MONGODB_URI');
  const binary = await findMongod({ signal, ...(onNote === undefined ? {} : { note: onNote }) });
  const folder = options.dataDir === undefined ? await temporaryFolder() : keptFolder(options.dataDir);
  const nodes: MongodProcess[] = [];
  const stop = stopper(nodes, folder);
  try {
    await startNodes(nodes, count, folder, binary, options);
    const ports = portsOf(nodes);
    await formReplicaSet({ name: replicaSet, ports, electionTimeoutMs }, formTimeoutMs, signal);
    const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
    return {
      uri: `mongodb://${hosts}/?replicaSet=${replicaSet}`,
      nodes,
      binary,
      waitForPrimary: (timeoutMs = 30_000) => waitForPrimary(ports, timeoutMs, undefined),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface DataFolder extends TempDir {
  readonly kept: boolean;
}

function keptFolder(path: string): DataFolder {
  return { path: resolve(path), kept: true, remove: () => Promise.resolve() };
}

async function temporaryFolder(): Promise<DataFolder> {
  return { ...(await makeTempDir('hooktail-mongo')), kept: false };
}

/** Waits for all of them even when one fails: a start still under way could not be stopped. */
async function startNodes(nodes: MongodProcess[], count: number, folder: DataFolder, binary: MongodBinary, options: LocalMongoOptions): Promise<void> {
  const ports = options.port === undefined ? await freePorts(count) : Array.from({ length: count }, (_, index) => (options.port ?? 0) + index);
  const starts = ports.map(async (port, index) => {
    const settings = {
      binary: binary.path,
      port,
      dbPath: join(folder.path, `node${index + 1}`),
      replicaSet: options.replicaSet ?? 'rs0',
      args: options.args ?? [],
      env: options.env ?? {},
      graceSeconds: folder.kept ? keptGraceSeconds : 0,
      note: options.onNote ?? (() => undefined),
    };
    nodes[index] = await startNode(settings, options.port === undefined ? portTries : 1, options.signal);
  });
  const failed = (await Promise.allSettled(starts)).find((start) => start.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** A port found free can be gone a moment later; a port the caller named is never changed. */
async function startNode(settings: MongodSettings, tries: number, signal: AbortSignal | undefined): Promise<MongodProcess> {
  const node = new MongodProcess(settings);
  try {
    await node.start(signal);
    return node;
  } catch (error) {
    if (tries <= 1 || !(error instanceof MongodStartError) || error.code !== portTaken) throw error;
    const [port = settings.port] = await freePorts(1);
    return startNode({ ...settings, port }, tries - 1, signal);
  }
}

function stopper(nodes: readonly MongodProcess[], folder: DataFolder): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => (stopped ??= stopAll(nodes, folder));
}

async function stopAll(nodes: readonly MongodProcess[], folder: DataFolder): Promise<void> {
  // map skips the places of nodes that never started.
  await Promise.all(nodes.map((node) => (folder.kept ? node.close() : node.kill())));
  await folder.remove();
}

function portsOf(nodes: readonly MongodProcess[]): [number, ...number[]] {
  const [first, ...others] = nodes.map(({ port }) => port);
  if (first === undefined) throw new Error('No node was started');
  return [first, ...others];
}
