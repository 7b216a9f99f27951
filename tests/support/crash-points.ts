/**
 * Loaded into one of our programs before it starts (`--import`), to end it at one exact point as a power cut would. The
 * programs know nothing of this. The variable CRASH_AT says where: a collection, a method of the driver, the moment, and which
 * of the calls it is:
 *
 *   deliveries.insertMany:before:1    nothing of the first call has left the process
 *   deliveries.insertMany:after:1     all of it is acknowledged by the server, and the program has not heard of it
 *   deliveries.insertMany:halfway:1   half of its documents are; calls with fewer than two documents are not counted
 *
 * The driver carries out an insertMany by way of bulkWrite, so each counts as one of those as well.
 */
import { Collection } from 'mongodb';

type Method = (this: Collection, ...args: unknown[]) => Promise<unknown>;

interface CrashPoint {
  readonly collection: string;
  readonly method: string;
  readonly moment: 'before' | 'after' | 'halfway';
  readonly call: number;
}

function readPoint(text: string): CrashPoint {
  const [, collection = '', method = '', moment = '', call = ''] = /^(\w+)\.(\w+):(before|after|halfway):(\d+)$/.exec(text) ?? [];
  if (call === '') throw new Error(`CRASH_AT: expected collection.method:before|after|halfway:number, got ${text}`);
  return { collection, method, moment: moment as CrashPoint['moment'], call: Number(call) };
}

/** SIGKILL is dealt with before the call returns: not one more line of the program runs. */
function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
}

const firstHalf = (documents: unknown): unknown => (Array.isArray(documents) ? documents.slice(0, Math.floor(documents.length / 2)) : documents);

function install({ collection, method, moment, call }: CrashPoint): void {
  const methods = Collection.prototype as unknown as Record<string, Method>;
  const original = methods[method];
  if (original === undefined) throw new Error(`CRASH_AT: expected a method of a collection, got ${method}`);
  let calls = 0;

  async function crashing(this: Collection, ...args: unknown[]): Promise<unknown> {
    const [first, ...rest] = args;
    const counts = this.collectionName === collection && (moment !== 'halfway' || (Array.isArray(first) && first.length > 1));
    calls += Number(counts);
    if (!counts || calls !== call) return original?.apply(this, args);
    if (moment !== 'before') await original?.apply(this, moment === 'halfway' ? [firstHalf(first), ...rest] : args);
    return die();
  }
  methods[method] = crashing;
}

install(readPoint(process.env['CRASH_AT'] ?? ''));
