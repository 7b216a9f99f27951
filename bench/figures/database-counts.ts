/**
 * What a run asked of MongoDB, as counts that no noise can touch: two readings of the server's own counters and of its
 * oplog, less what the bench itself asked in between.
 */
import { MongoClient, type Timestamp } from 'mongodb';
import { mapValues, sum } from './values.ts';

export interface DatabaseCounts {
  /** Commands per event, by name and all together. */
  readonly commands: Readonly<Record<string, number>>;
  readonly commandsPerEvent: number;
  readonly getMoresPerEvent: number;
  readonly documentsInsertedPerEvent: number;
  readonly documentsUpdatedPerEvent: number;
  readonly oplogEntriesPerEvent: number;
  readonly oplogBytesPerEvent: number;
  /** How often the journal was flushed to disk. */
  readonly journalSyncsPerEvent: number;
}

/** Drivers watch the topology with these, the bench's own driver too, at a pace of their own. */
const WATCHING = new Set(['hello', 'isMaster', 'ismaster']);

type Numbers = Readonly<Record<string, number>>;

interface Reading {
  readonly commands: Numbers;
  readonly own: Numbers;
  readonly documents: Numbers;
  readonly journalSyncs: number;
  readonly at: Timestamp;
}

export class DatabaseCounter {
  readonly #client: MongoClient;
  readonly #own: Record<string, number> = {};
  #before: Reading | null = null;

  constructor(client: MongoClient) {
    this.#client = client;
    client.on('commandStarted', ({ commandName }) => (this.#own[commandName] = (this.#own[commandName] ?? 0) + 1));
  }

  /** A client that tells what it sends. */
  static connect(uri: string): Promise<MongoClient> {
    return new MongoClient(uri, { monitorCommands: true, maxPoolSize: 2 }).connect();
  }

  async start(): Promise<void> {
    this.#before = await this.#read();
  }

  /** What came since `start()`, for each of so many events. */
  async stop(events: number): Promise<DatabaseCounts> {
    const before = this.#before;
    if (before === null) throw new Error('Expected start() before stop(), got stop() alone');
    const after = await this.#read();
    const ran = (name: string): number => (after.commands[name] ?? 0) - (before.commands[name] ?? 0) - ((after.own[name] ?? 0) - (before.own[name] ?? 0));
    const counted = Object.keys(after.commands).filter((name) => !WATCHING.has(name)).map((name) => [name, ran(name)] as const);
    const commands = Object.fromEntries(counted.filter(([, count]) => count > 0));
    const documents = mapValues(after.documents, (count, name) => count - (before.documents[name] ?? 0));
    const oplog = await this.#readOplog(before.at, after.at);
    return {
      commands: mapValues(commands, (count) => count / events),
      commandsPerEvent: sum(Object.values(commands)) / events,
      getMoresPerEvent: (commands['getMore'] ?? 0) / events,
      documentsInsertedPerEvent: (documents['inserted'] ?? 0) / events,
      documentsUpdatedPerEvent: (documents['updated'] ?? 0) / events,
      oplogEntriesPerEvent: oplog.entries / events,
      oplogBytesPerEvent: oplog.bytes / events,
      journalSyncsPerEvent: (after.journalSyncs - before.journalSyncs) / events,
    };
  }

  async #read(): Promise<Reading> {
    const status = await this.#client.db('admin').command({ serverStatus: 1 });
    const metrics = status['metrics'] as { readonly commands: Readonly<Record<string, { readonly total?: unknown }>>; readonly document: Numbers };
    const { log } = status['wiredTiger'] as { readonly log: Numbers };
    return { commands: mapValues(metrics.commands, ({ total }) => Number(total ?? 0)), own: { ...this.#own }, documents: mapValues(metrics.document, Number), journalSyncs: log['log sync operations'] ?? 0, at: status['operationTime'] as Timestamp };
  }

  /** Entries of the log after one moment, up to another; no-ops are the server's own clockwork. */
  async #readOplog(after: Timestamp, upTo: Timestamp): Promise<{ readonly entries: number; readonly bytes: number }> {
    const [found] = await this.#client.db('local').collection('oplog.rs').aggregate([
      { $match: { ts: { $gt: after, $lte: upTo }, op: { $ne: 'n' } } },
      { $group: { _id: null, entries: { $sum: 1 }, bytes: { $sum: { $bsonSize: '$$ROOT' } } } },
    ]).toArray();
    return { entries: Number(found?.['entries'] ?? 0), bytes: Number(found?.['bytes'] ?? 0) };
  }
}
