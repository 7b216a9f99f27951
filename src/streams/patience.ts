/**
 * How long a read of a change stream may stay unanswered. A waiting read is answered within seconds, so one that is not is
 * most likely on a connection that is dead without a word (dropped by a firewall on the way), and no socket will ever tell.
 * Opening at a place far back in a large oplog is slow for a good reason: each expiry doubles the patience, an answer resets it.
 *
 *   15 s → 30 s → 1 min → 2 min → 4 min → 8 min → 10 min
 */
import type { Clock } from '../runtime/clock.ts';

export interface Patience {
  /** @throws OverdueError when there is no answer in time, StoppedError at once when the signal aborts; the work itself goes on unseen. */
  within<Answer>(work: () => Promise<Answer>, signal: AbortSignal): Promise<Answer>;
  /** A read was answered. */
  reset(): void;
}

const FIRST_MS = 15_000;
const LONGEST_MS = 600_000;

/** The connection is to be given up. */
export class OverdueError extends Error {
  override readonly name = 'OverdueError';

  constructor(waitedMs: number) {
    super(`MongoDB has not answered a read of the change stream for ${waitedMs / 1000} s: the connection counts as dead`);
  }
}

export class StoppedError extends Error {
  override readonly name = 'StoppedError';
  override readonly message = 'Stopped while waiting for the change stream';
}

export function createPatience(clock: Clock): Patience {
  let patienceMs = FIRST_MS;

  function expire(): OverdueError {
    const waitedMs = patienceMs;
    patienceMs = Math.min(patienceMs * 2, LONGEST_MS);
    return new OverdueError(waitedMs);
  }

  /** Rejects when the patience is used up or the signal aborts; `off` ends the wait for either. */
  function ending(signal: AbortSignal): { readonly ended: Promise<never>; readonly off: () => void } {
    let off = (): void => undefined;
    const ended = new Promise<never>((_, reject) => {
      const stop = (): void => reject(new StoppedError());
      const callOff = clock.after(patienceMs, () => reject(expire()));
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      off = () => {
        callOff();
        signal.removeEventListener('abort', stop);
      };
    });
    return { ended, off };
  }

  return {
    async within(work, signal) {
      const { ended, off } = ending(signal);
      try {
        return await Promise.race([work(), ended]);
      } finally {
        off();
      }
    },
    reset() {
      patienceMs = FIRST_MS;
    },
  };
}
