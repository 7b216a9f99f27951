/**
 * The only way to the time. Wall time labels things for people; waiting and leases use the monotonic clock; whether
 * something is *due* is the database's to say (see server-clock.ts). Tests pass a clock of their own.
 */
import { performance } from 'node:perf_hooks';

export interface Clock {
  /** Unix milliseconds. May jump. */
  now(): number;
  /** Milliseconds that only rise, from an arbitrary start. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Does something after `ms`; answers the function that calls it off. */
  after(ms: number, act: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep,
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
