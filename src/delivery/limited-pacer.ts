/**
 * Rate and concurrency of one target. The rate is a Bottleneck limiter's, whose traps are fenced in here: a limiter of our own
 * instead of a Group (which deletes limiters that still hold jobs), spacing instead of a reservoir (which lets bursts through),
 * and never more than one job queued, so neither `highWater` nor its strategies ever come into play. Bottleneck plans on the
 * wall clock: one that is set back would hold the lane for as long as it was set back, so then a new limiter begins. The look at
 * the monotonic clock before every start (spacing.ts) keeps the rate meanwhile.
 *
 * A job of the limiter costs a quarter of a millisecond of processor time, and it passes 390 a second at most. So it is asked only
 * where there is something to wait for: a start for which the spacing has passed already needs a free place and nothing else, and
 * a spacing of some milliseconds is waited out by the look before the start alone.
 */
import Bottleneck from 'bottleneck';
import type { TargetLimits } from '../domain/target.ts';
import { systemClock } from '../runtime/clock.ts';
import { createOpenPacer, paceOf, type Pacer } from './pacer.ts';

/** What a target's limits ask for. */
export function createPacer(limits: TargetLimits): Pacer {
  const { everyMs, catchUpMs } = paceOf(limits);
  return everyMs > 0 && catchUpMs === 0 ? createLimitedPacer(limits) : createOpenPacer(limits.concurrency);
}

export function createLimitedPacer(limits: TargetLimits): Pacer {
  const places = createOpenPacer(limits.concurrency);
  let limiter = newLimiter(limits);
  let plannedAtMs = systemClock.now(); // The clock that Bottleneck reads by itself.

  /** Nobody waits in the limiter then: at most one caller does, and this is the one. */
  function renewWhenSetBack(): void {
    const now = systemClock.now();
    if (now < plannedAtMs) {
      end(limiter);
      limiter = newLimiter(limits);
    }
    plannedAtMs = now;
  }

  return {
    beginNow: () => places.beginNow(),
    async begin() {
      const leave = await places.begin();
      renewWhenSetBack();
      try {
        await limiter.schedule(() => Promise.resolve());
      } catch (error) {
        leave();
        throw error;
      }
      return leave;
    },
    allow: (wanted) => places.allow(wanted),
    close() {
      places.close();
      end(limiter);
    },
  };
}

const newLimiter = (limits: TargetLimits): Bottleneck => new Bottleneck({ minTime: paceOf(limits).everyMs });

const end = (limiter: Bottleneck): void => void limiter.stop({ dropWaitingJobs: true, dropErrorMessage: 'The lane is closed' }).catch(() => undefined);
