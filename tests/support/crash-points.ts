/**
 * Loaded into one of our programs before it starts (`--import`), to end it at one exact point as a power cut would. The
 * programs know nothing of this. The variable CRASH_AT says where: a collection, a method of the driver, the moment, and which
 * of the calls it is:
 *
 *   deliveries.insert:before:1    nothing of the first call has left the process
 *   deliveries.insert:after:1     all of it is acknowledged by the server, and the program has not heard of it
 *   deliveries.insert:halfway:1   half of its documents are; calls with fewer than two documents are not counted
 *
 * Inserts, and updates of many that differ, are commands of the database; everything else is a method of the collection.
 */
import { Collection, Db, type Document } from 'mongodb';

type Call = () => Promise<unknown>;

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

const firstHalf = (documents: readonly unknown[]): readonly unknown[] => documents.slice(0, Math.floor(documents.length / 2));

/** Answers what to do instead of a call that counts: the call itself until it is the one to die at. */
function fuse({ moment, call: last }: CrashPoint): (whole: Call, half: Call) => Promise<unknown> {
  let calls = 0;
  return async (whole, half) => {
    calls += 1;
    if (calls !== last) return whole();
    if (moment !== 'before') await (moment === 'halfway' ? half : whole)();
    return die();
  };
}

/** Where a plain command keeps what it writes. */
const WRITTEN: Readonly<Record<string, string>> = { insert: 'documents', update: 'updates' };

function installCommand(point: CrashPoint, written: string): void {
  const burn = fuse(point);
  const commands = Db.prototype as { command: (this: Db, command: Document, ...rest: unknown[]) => Promise<unknown> };
  const original = commands.command;
  commands.command = function (command, ...rest) {
    const items = command[point.method] === point.collection ? (command[written] as readonly unknown[]) : [];
    if (items.length < (point.moment === 'halfway' ? 2 : 1)) return original.call(this, command, ...rest);
    return burn(() => original.call(this, command, ...rest), () => original.call(this, { ...command, [written]: firstHalf(items) }, ...rest));
  };
}

function installMethod(point: CrashPoint): void {
  const burn = fuse(point);
  const methods = Collection.prototype as unknown as Record<string, (this: Collection, ...args: unknown[]) => Promise<unknown>>;
  const original = methods[point.method];
  if (original === undefined) throw new Error(`CRASH_AT: expected insert, update, or a method of a collection, got ${point.method}`);
  methods[point.method] = function (this: Collection, ...args) {
    const whole = (): Promise<unknown> => original.apply(this, args);
    return this.collectionName === point.collection ? burn(whole, whole) : whole();
  };
}

const point = readPoint(process.env['CRASH_AT'] ?? '');
const written = WRITTEN[point.method];
if (written === undefined) installMethod(point);
else installCommand(point, written);
