/**
 * The two quick retries of an attempt, for when no byte of an answer came: an idle socket closed under us, a receiver
 * restarting. Every one of them takes its own turn in the lane. All longer waiting goes through `schedule`, where a crash
 * loses nothing.
 *
 *   first try ── 125–250 ms ── second ── 250–500 ms ── third
 */
import pRetry from 'p-retry';
import { isQuicklyRetryable, type Outcome } from '../domain/attempt.ts';

export const QUICK_RETRIES = 2;
const FIRST_PAUSE_MS = 125;
const LONGEST_PAUSE_MS = 1_000;

class StillFailing extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super('No answer came');
    this.outcome = outcome;
  }
}

/** Goes on from a first outcome that is worth it; answers the last one. `again` gets the number of the quick retry, from 1. */
export async function retryQuickly(first: Outcome, again: (quickRetry: number) => Promise<Outcome>): Promise<Outcome> {
  const once = async (count: number): Promise<Outcome> => {
    const outcome = count === 1 ? first : await again(count - 1);
    if (isQuicklyRetryable(outcome)) throw new StillFailing(outcome);
    return outcome;
  };
  try {
    return await pRetry(once, { retries: QUICK_RETRIES, minTimeout: FIRST_PAUSE_MS, maxTimeout: LONGEST_PAUSE_MS, randomize: true, shouldRetry: ({ error }) => error instanceof StillFailing });
  } catch (error) {
    if (error instanceof StillFailing) return error.outcome;
    throw error;
  }
}
