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

/**
 * Milliseconds between two starts. Two percent slower than the rate says, since timers and scheduling wobble: at exactly 334
 * ms, 3/s let a fourth start into a window in two runs of five, at 340 ms in none.
 */
export const spacingMs = ({ ratePerSecond }: TargetLimits): number => (ratePerSecond === 0 ? 0 : Math.ceil((1000 / ratePerSecond) * 1.02));

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
