/**
 * How a lane lets starts through: one at a time asks, and is answered when a place in the lane is free and, with a rate limit,
 * when it is time. The answer gives the place back.
 */
import type { TargetLimits } from '../domain/target.ts';

export interface Pacer {
  /** For a start that the spacing allows now (spacing.ts). Answers at once: how to give the place back, or null when one has to wait. */
  beginNow(): (() => void) | null;
  /** Rejects once closed. At most one caller waits at a time: the lane's pump. */
  begin(): Promise<() => void>;
  /** No more than so many at once from now on, nor than the target's own limit; what runs is left alone. */
  allow(places: number): void;
  close(): void;
}

/** How starts are spaced. */
export interface Pace {
  /** Milliseconds from one start to the next; 0 means no limit. */
  readonly everyMs: number;
  /** A start that came late lets those after it come sooner by as much, up to this. */
  readonly catchUpMs: number;
}

/** Timers and scheduling wobble: at exactly 334 ms, 3/s let a fourth start into a window in two runs of five, at 340 ms in none. */
const WOBBLE_MS = 20;
/** Timers are late by up to a millisecond and a half, which of a few milliseconds is much. */
const CATCH_UP_MS = 10;
/** From here on starts come so slowly that what a timer is late by does not matter: up to 50 a second. */
const LEAST_SLOW_MS = 21;

/**
 * No second ever holds more starts than the rate. What may be caught up with counts against it beforehand: n + 1 starts take at least
 * n · everyMs − catchUpMs, and that is a second from n = rate on. So 3/s are 2.9, and from 51/s on it is 97 % of the rate.
 */
export function paceOf({ ratePerSecond }: TargetLimits): Pace {
  if (ratePerSecond === 0) return { everyMs: 0, catchUpMs: 0 };
  const slowMs = Math.ceil((1_000 + WOBBLE_MS) / ratePerSecond);
  if (slowMs >= LEAST_SLOW_MS) return { everyMs: slowMs, catchUpMs: 0 };
  return { everyMs: (1_000 + WOBBLE_MS + CATCH_UP_MS) / ratePerSecond, catchUpMs: CATCH_UP_MS };
}

/** Only the concurrency is limited; 0 means not even that. */
export function createOpenPacer(concurrency: number): Pacer {
  const most = concurrency === 0 ? Infinity : concurrency;
  let places = most;
  let taken = 0;
  let closed = false;
  let waiting: { resolve: (leave: () => void) => void; reject: (error: Error) => void } | null = null;

  function take(): () => void {
    taken += 1;
    return () => {
      taken -= 1;
      letIn();
    };
  }

  function letIn(): void {
    if (waiting === null || taken >= places) return;
    const next = waiting;
    waiting = null;
    next.resolve(take());
  }

  return {
    beginNow: () => (closed || taken >= places ? null : take()),
    begin: () => {
      if (closed) return Promise.reject(new Error('The lane is closed'));
      return taken < places ? Promise.resolve(take()) : new Promise((resolve, reject) => (waiting = { resolve, reject }));
    },
    allow(wanted) {
      places = Math.min(most, wanted);
      letIn();
    },
    close() {
      closed = true;
      waiting?.reject(new Error('The lane is closed'));
      waiting = null;
    },
  };
}
