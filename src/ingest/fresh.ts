/**
 * What the database tells and servers act by, never older than a second when the question came up. A server could watch it by a
 * change stream, as processors do, but then the database would go through every event that is written once more for each server,
 * and find nothing (measured: 12 % of its processor time under load). Asking costs one small read a second while requests come in,
 * and none else.
 */
import { atMost } from '../runtime/at-most.ts';
import type { Clock } from '../runtime/clock.ts';

/** A change is in force within this. */
const OLDEST_MS = 1_000;
/** From this age on it is asked for in the background, so that under a load nobody has to wait for it. */
const AGEING_MS = 500;
/** Longer than any event waits (event-writer.ts): a slow database is a reason to wait, and only a dead one to ask again. */
const ASK_AT_MOST_MS = 3_000;

export interface FreshOptions<T> {
  readonly clock: Clock;
  /** Brings `value` up to what the database says. */
  readonly refreshIfChanged: () => Promise<void>;
  readonly value: T;
  /** What is asked for, to be told when nobody answers. */
  readonly what: string;
}

/** Answers at once when what is known is fresh enough. @throws Error when nobody tells in time */
export function createFresh<T>({ clock, refreshIfChanged, value, what }: FreshOptions<T>): () => T | Promise<T> {
  let asOfMs = -Infinity;
  let asking: Promise<void> | null = null;

  /** Never rejects: whoever waits looks at what is known then. */
  function ask(): Promise<void> {
    const askedAtMs = clock.monotonic();
    const told = refreshIfChanged().then(() => void (asOfMs = askedAtMs));
    return atMost(clock, ASK_AT_MOST_MS, told).finally(() => (asking = null));
  }

  /** What was asked for before the question came up may be too old for it when it is told at last. */
  async function wait(sinceMs: number): Promise<T> {
    for (let asked = 0; asked < 2 && asOfMs <= sinceMs - OLDEST_MS; asked += 1) await (asking ??= ask());
    if (asOfMs <= sinceMs - OLDEST_MS) throw new Error(`The database did not tell which ${what} there are`);
    return value;
  }

  return () => {
    const nowMs = clock.monotonic();
    if (nowMs - asOfMs < AGEING_MS) return value;
    asking ??= ask();
    return nowMs - asOfMs < OLDEST_MS ? value : wait(nowMs);
  };
}
