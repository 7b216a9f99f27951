/**
 * A clock that stands still until a test moves it. `advance` wakes the sleepers in the order they fall due and lets all the
 * work they set off settle before time goes on, so what a test sees never depends on the machine's speed.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/runtime/clock.ts';

interface Sleeper {
  readonly dueAtMs: number;
  readonly wake: () => void;
}

/** The start of every fake clock's wall time: 2026-01-01T00:00:00Z. */
export const FAKE_START_MS = Date.UTC(2026, 0, 1);

/** Lets every promise that can settle do so. */
export const settled = (): Promise<void> => setImmediate();

export class FakeClock implements Clock {
  #monotonicMs = 1_000;
  #wallOffsetMs: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(startMs: number = FAKE_START_MS) {
    this.#wallOffsetMs = startMs - this.#monotonicMs;
  }

  now(): number {
    return this.#monotonicMs + this.#wallOffsetMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper: Sleeper = { dueAtMs: this.#monotonicMs + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  after(ms: number, act: () => void): () => void {
    const off = new AbortController();
    void this.sleep(ms, off.signal).then(() => {
      if (!off.signal.aborted) act();
    });
    return () => off.abort();
  }

  /** How many sleeps are under way: what is left over after a stop is a leak. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Moves time on by `ms`, stopping at every sleeper on the way. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    await settled();
    for (let next = this.#nextDue(untilMs); next !== null; next = this.#nextDue(untilMs)) {
      this.#monotonicMs = Math.max(this.#monotonicMs, next.dueAtMs);
      next.wake();
      await settled();
    }
    this.#monotonicMs = untilMs;
  }

  /** Sets the wall clock wrong, or right again; the monotonic clock does not notice. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  #nextDue(untilMs: number): Sleeper | null {
    let next: Sleeper | null = null;
    for (const sleeper of this.#sleepers) {
      if (sleeper.dueAtMs <= untilMs && (next === null || sleeper.dueAtMs < next.dueAtMs)) next = sleeper;
    }
    return next;
  }
}
