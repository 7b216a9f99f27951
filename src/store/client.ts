/**
 * Connections to MongoDB. Each program opens a client for its work and another for its change stream, since a waiting stream
 * holds a connection. `timeoutMS` has no effect in driver 7.9, so the older limits are set one by one.
 */
import { MongoClient, MongoParseError, MongoServerError, MongoServerSelectionError, type Db, type MongoClientOptions, type ObjectId } from 'mongodb';
import { atMost } from '../runtime/at-most.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { FatalError, messageOf, scrubUris } from '../runtime/errors.ts';
import { mendDrain } from './drain-fix.ts';

export interface MongoAddress {
  readonly uri: string;
  readonly database: string;
  /** All connections to one of its servers were given up: they broke, or it has changed its part. */
  readonly onLost?: (use: ClientUse) => void;
}

/**
 * `work`: statements that must fail fast. `stream`: reads that may be slow for a good reason, so no socket timeout; whoever
 * reads has a patience of its own, and renews the connection when that is used up.
 */
export type ClientUse = 'work' | 'stream';

export interface Connection {
  /** Asked anew for each use: `renew` replaces it. */
  readonly db: Db;
  /** Goes on with fresh sockets. Whatever still waits on the old ones fails at once: they may be dead without a word. */
  renew(): void;
  /** Calls whenever a primary was elected since the one before, by which writes that no majority had may be gone; a stream goes on as if nothing had been. */
  onElected(act: () => void): void;
  /** Cuts what runs. Never takes long, and never rejects: a dead server must not keep a program from ending. */
  close(): Promise<void>;
}

/** Saying goodbye to the server is a courtesy, and on a dead connection it would wait for ever. */
const CLOSE_MS = 1_000;

const OPTIONS: Readonly<Record<ClientUse, MongoClientOptions>> = {
  work: { serverSelectionTimeoutMS: 2_000, waitQueueTimeoutMS: 1_000, connectTimeoutMS: 2_000, socketTimeoutMS: 10_000, maxPoolSize: 20, promoteBuffers: true },
  stream: { serverSelectionTimeoutMS: 2_000, waitQueueTimeoutMS: 1_000, connectTimeoutMS: 2_000, socketTimeoutMS: 0, maxPoolSize: 3, promoteBuffers: true },
};

/**
 * Connects, and makes sure that it talks to a replica set.
 * @throws FatalError with one clear line and its fix: unusable address, nothing there, no rights, a standalone server.
 */
export async function connect({ uri, database, onLost }: MongoAddress, use: ClientUse, clock: Clock = systemClock): Promise<Connection> {
  const elections = new Elections();
  const create = (): MongoClient =>
    createClient(uri, use).on('connectionPoolCleared', () => onLost?.(use)).on('topologyDescriptionChanged', ({ newDescription: { servers } }) => elections.see([...servers.values()]));
  let client = create();
  try {
    await client.connect();
    requireReplicaSet(await client.db('admin').command({ hello: 1 }));
  } catch (error) {
    await atMost(clock, CLOSE_MS, client.close());
    throw asFatal(error, uri);
  }
  return {
    get db() {
      return client.db(database);
    },
    renew() {
      void client.close().catch(() => undefined);
      client = create();
    },
    onElected: (act) => elections.listeners.push(act),
    close: () => atMost(clock, CLOSE_MS, client.close()),
  };
}

/** Each election of a primary has an id of its own, which the primary tells with every heartbeat. */
class Elections {
  readonly listeners: (() => void)[] = [];
  #last: string | null = null;

  see(servers: readonly { readonly type: string; readonly electionId: ObjectId | null }[]): void {
    const current = servers.find(({ type }) => type === 'RSPrimary')?.electionId?.toHexString();
    if (current === undefined || current === this.#last) return;
    if (this.#last !== null) for (const act of this.listeners) act();
    this.#last = current;
  }
}

/**
 * The two connections of a program; none is left open when one fails.
 * @throws FatalError as `connect` does
 */
export async function connectBoth(address: MongoAddress): Promise<{ readonly work: Connection; readonly stream: Connection }> {
  const work = await connect(address, 'work');
  try {
    return { work, stream: await connect(address, 'stream') };
  } catch (error) {
    await work.close();
    throw error;
  }
}

function createClient(uri: string, use: ClientUse): MongoClient {
  mendDrain();
  try {
    return new MongoClient(uri, { ...OPTIONS[use], appName: `hooktail-${use}` });
  } catch (error) {
    // Nothing was dialled yet, so whatever is wrong is the address.
    throw badUri(error, uri);
  }
}

function requireReplicaSet(hello: Record<string, unknown>): void {
  if (typeof hello['setName'] === 'string') return;
  const initiated = hello['isreplicaset'] !== true;
  throw new FatalError('not_a_replica_set', initiated ? 'Expected a MongoDB replica set, got a standalone server: it has no change streams' : 'Expected a MongoDB replica set, got one that is not initiated yet', {
    fix: initiated ? 'start mongod with --replSet rs0 and run rs.initiate() once, or unset MONGODB_URI and use npm start' : 'run rs.initiate() once on it',
  });
}

function asFatal(error: unknown, uri: string): FatalError {
  if (error instanceof FatalError) return error;
  const where = scrubUris(uri);
  if (error instanceof MongoParseError) return badUri(error, uri);
  if (error instanceof MongoServerError) return new FatalError('mongodb_refused', `MongoDB at ${where} refused: ${messageOf(error)}`, { cause: error, fix: 'check the user, the password and authSource in MONGODB_URI' });
  const reason = error instanceof MongoServerSelectionError ? selectionReason(error) : messageOf(error);
  return new FatalError('mongodb_unreachable', `No MongoDB primary found at ${where} within 2 s: ${reason}`, { cause: error, fix: 'check that it runs, that the host names of its members resolve from here, and the replicaSet name' });
}

const badUri = (error: unknown, uri: string): FatalError =>
  new FatalError('bad_mongodb_uri', `MONGODB_URI ${scrubUris(uri)} cannot be used: ${messageOf(error)}`, { cause: error, fix: 'use the form mongodb://host:27017/?replicaSet=rs0, with user and password percent-encoded' });

function selectionReason(error: MongoServerSelectionError): string {
  const descriptions = [...(error.reason?.servers.values() ?? [])];
  const faults = descriptions.map(({ error: fault }) => (fault === null ? null : messageOf(fault))).filter((text) => text !== null);
  return faults[0] ?? messageOf(error);
}
