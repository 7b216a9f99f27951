/**
 * Rate and concurrency of one target on a Bottleneck limiter. Its traps are fenced in here: a limiter of our own instead of a
 * Group (which deletes limiters that still hold jobs), spacing instead of a reservoir (which lets bursts through), and never
 * more than one job queued, so neither `highWater` nor its strategies ever come into play.
 */
import Bottleneck from 'bottleneck';
import type { TargetLimits } from '../domain/target.ts';
import { spacingMs, type Pacer } from './pacer.ts';

export function createLimitedPacer(limits: TargetLimits): Pacer {
  const limiter = new Bottleneck({ minTime: spacingMs(limits), maxConcurrent: limits.concurrency === 0 ? null : limits.concurrency });
  return {
    /** The job lasts as long as the place is held, so Bottleneck counts what is really running. */
    begin: () =>
      new Promise((resolve, reject) => {
        limiter.schedule(() => new Promise<void>((leave) => resolve(leave))).catch(reject);
      }),
    close() {
      void limiter.stop({ dropWaitingJobs: true, dropErrorMessage: 'The lane is closed' }).catch(() => undefined);
    },
  };
}
