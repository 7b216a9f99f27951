/**
 * Rates: for each key so many requests a second, with a burst after a pause. One number a key, the moment until which its
 * requests are used up in advance (the generic cell rate algorithm), so a request costs a look and a write in memory.
 *
 * Keys may be the addresses of a flood, so their number is bounded: when a generation is full it becomes the old one, and what the
 * old one before still held is forgotten. Who is forgotten while it was slowed down gets its burst again; nobody gets more.
 */
import type { Clock } from '../runtime/clock.ts';
import { Problem } from './problem.ts';

export interface Rate {
  /** 0 means no limit. */
  readonly perSecond: number;
  /** Requests at once after a pause, one at least. */
  readonly burst: number;
}

export interface Rates {
  /** @throws Problem `rate_limited` */
  take(key: string, rate: Rate): void;
  /** How many keys are remembered. */
  readonly size: number;
}

const MOST_KEYS = 10_000;

/** @param of what is limited, for those who are told so: `this address` */
export function createRates(clock: Clock, of: string, mostKeys: number = MOST_KEYS): Rates {
  let young = new Map<string, number>();
  let old: ReadonlyMap<string, number> = new Map();

  function remember(key: string, usedUpToMs: number): void {
    if (young.size >= mostKeys && !young.has(key)) {
      old = young;
      young = new Map();
    }
    young.set(key, usedUpToMs);
  }

  return {
    get size() {
      return young.size + old.size;
    },
    take(key, { perSecond, burst }) {
      if (perSecond === 0) return;
      const nowMs = clock.monotonic();
      const stepMs = 1_000 / perSecond;
      const usedUpToMs = Math.max(nowMs, young.get(key) ?? old.get(key) ?? 0) + stepMs;
      const waitMs = usedUpToMs - nowMs - stepMs * Math.max(1, burst);
      // Sums of fractions are a little off; nobody is to wait for that.
      if (waitMs > 1e-6) throw new Problem('rate_limited', `Expected at most ${perSecond} requests a second from ${of}, got more`, { retryAfterS: Math.ceil(waitMs / 1_000) });
      remember(key, usedUpToMs);
    },
  };
}
