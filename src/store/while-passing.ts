/**
 * Repeats a statement while what goes wrong with it passes by itself, such as an election, or a race with another program that
 * does the same. Bounded: at a start, somebody waits for the answer.
 */
import { systemClock, type Clock } from '../runtime/clock.ts';

export interface Patience {
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/** Longer than an election takes with the replica set's default settings: 10 s to notice, a few more to vote and catch up. */
const PATIENCE_MS = 30_000;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1_000;

/** @throws what the statement threw last, when that does not pass, or not in time, or the signal is aborted */
export async function whilePassing<Result>(statement: () => Promise<Result>, passes: (error: unknown) => boolean, { clock = systemClock, signal }: Patience = {}): Promise<Result> {
  const deadline = clock.monotonic() + PATIENCE_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await statement();
    } catch (error) {
      if (!passes(error) || clock.monotonic() >= deadline || signal?.aborted === true) throw error;
    }
    await clock.sleep(pauseMs, signal);
  }
}
