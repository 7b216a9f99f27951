/**
 * Targets that are never older than a second when an event is resolved by them. A server could watch them by a change stream, as
 * processors do, but then the database would go through every event that is written once more for each server, and find nothing
 * (measured: 12 % of its processor time under load). Asking costs one small read a second while events come in, and none else.
 */
import type { TargetBook } from '../store/target-book.ts';
import { atMost } from '../runtime/at-most.ts';
import type { Clock } from '../runtime/clock.ts';
import { Problem } from './problem.ts';

export interface FreshTargets {
  /** Null when what is known is fresh enough; else resolves once it is. @throws Problem `unavailable` when nobody can tell in time */
  refreshing(): Promise<void> | null;
}

/** A change is in force within this. */
const OLDEST_MS = 1_000;
/** From this age on it is asked for in the background, so that under a load nobody has to wait for it. */
const AGEING_MS = 500;
const ASK_AT_MOST_MS = 1_000;
const RETRY_AFTER_S = 5;

export function createFreshTargets(clock: Clock, book: Pick<TargetBook, 'refreshIfChanged'>): FreshTargets {
  let asOfMs = -Infinity;
  let asking: Promise<void> | null = null;

  const ageMs = (): number => clock.monotonic() - asOfMs;

  /** Never rejects: whoever waits looks at the age. */
  function ask(): Promise<void> {
    const askedAtMs = clock.monotonic();
    const told = book.refreshIfChanged().then(() => void (asOfMs = askedAtMs));
    return atMost(clock, ASK_AT_MOST_MS, told).finally(() => (asking = null));
  }

  async function wait(asked: Promise<void>): Promise<void> {
    await asked;
    if (ageMs() >= OLDEST_MS) throw new Problem('unavailable', 'The database did not tell which targets there are. Send it again with the same key', { retryAfterS: RETRY_AFTER_S });
  }

  return {
    refreshing() {
      if (ageMs() < AGEING_MS) return null;
      asking ??= ask();
      return ageMs() < OLDEST_MS ? null : wait(asking);
    },
  };
}
