/**
 * The change stream as a log that each processor reads at its own pace: what was written once comes to every reader, as late as
 * the script likes, again after a rewind, and not at all when the history is lost. It stands where the driver's own stream
 * stands, so the product's feed, its checkpoints and its opening rules run unchanged above it.
 */
import { MongoNetworkError, MongoServerError, Timestamp, type Db } from 'mongodb';
import type { TimerId } from '../../src/domain/ids.ts';
import type { EventDocument } from '../../src/store/store.ts';
import type { Steps } from './steps.ts';

/** The cluster's time of the first entry, in seconds: each entry has a second of its own. */
const FIRST_S = 1_000;
const BATCH = 2;
const LOOK = 'stream';

export const timeAt = (index: number): Timestamp => new Timestamp({ t: FIRST_S + index, i: 1 });
const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');
/** A token has the form that the server gives it, since the product reads the time in it. */
export const tokenAt = (index: number): { readonly _data: string } => ({ _data: `82${hex(FIRST_S + index)}${hex(1)}` });
const indexOf = (token: unknown): number => parseInt((token as { readonly _data: string })._data.slice(2, 10), 16) - FIRST_S;

interface WatchOptions {
  readonly resumeAfter?: unknown;
  readonly startAtOperationTime?: Timestamp;
}

export class StreamLog {
  readonly #entries: object[] = [];
  readonly #timers = new Set<TimerId>();
  readonly #cut = new Set<string>();
  #historyFrom = -Infinity;

  get length(): number {
    return this.#entries.length;
  }

  addEvent(fullDocument: EventDocument): void {
    this.#add({ operationType: 'insert', ns: { coll: 'events' }, documentKey: { _id: fullDocument._id }, fullDocument });
  }

  /** Timers that are due now; those that were told of before are not told of again. */
  addDue(ids: readonly TimerId[]): void {
    for (const id of ids) {
      if (this.#timers.has(id)) continue;
      this.#timers.add(id);
      this.#add({ operationType: 'update', ns: { coll: 'schedule' }, documentKey: { _id: id } });
    }
  }

  #add(change: object): void {
    this.#entries.push({ ...change, clusterTime: timeAt(this.#entries.length) });
  }

  /** The next look of this reader fails as a cut connection does. */
  cut(actor: string): void {
    this.#cut.add(actor);
  }

  /** Every place before now has fallen out of the oplog. */
  loseHistory(): void {
    // Something that concerns nobody was written, and is the oldest there is now.
    this.#add({ operationType: 'insert', ns: { coll: 'others' }, documentKey: { _id: this.#entries.length } });
    this.#historyFrom = this.#entries.length - 1;
  }

  /** As much of a connection as a feed asks for. */
  connectionFor(actor: string, steps: Steps): { readonly db: Db; readonly renew: () => void } {
    const db = {
      command: () => Promise.resolve({ operationTime: timeAt(this.#entries.length - 1) }),
      watch: (_pipeline: unknown, options: WatchOptions) => this.#open(actor, steps, options),
    };
    const renew = (): void => {
      for (const step of steps.waiting(actor)) if (step.label === LOOK) steps.remove(step);
    };
    return { db: db as unknown as Db, renew };
  }

  #open(actor: string, steps: Steps, { resumeAfter, startAtOperationTime }: WatchOptions): object {
    let next = resumeAfter === undefined ? (startAtOperationTime?.t ?? FIRST_S) - FIRST_S : indexOf(resumeAfter) + 1;
    next = Math.max(0, next);
    let token: unknown = resumeAfter ?? tokenAt(next - 1);
    let [buffered, ranDry] = [0, false];
    const advance = (): object | null => {
      const entry = this.#entries[next] ?? null;
      token = tokenAt(Math.min(next, this.#entries.length - 1));
      if (entry !== null) next += 1;
      return entry;
    };
    const look = (): object | null => {
      if (this.#cut.delete(actor)) throw new MongoNetworkError('connection cut');
      if (next < this.#historyFrom) throw new MongoServerError({ message: 'the resume point may no longer be in the oplog', code: 286 });
      const found = Math.min(BATCH, this.#entries.length - next);
      buffered = Math.max(0, found - 1);
      ranDry = found <= 0;
      return advance();
    };
    return {
      get resumeToken() {
        return token;
      },
      bufferedCount: () => buffered,
      tryNext: () => {
        if (buffered === 0) return steps.wait({ actor, label: LOOK, isIdle: () => ranDry && next === this.#entries.length && !this.#cut.has(actor), act: look });
        buffered -= 1;
        return Promise.resolve(advance());
      },
      close: () => Promise.resolve(),
    };
  }
}
