/**
 * For writes that must not be lost: tries again until it succeeds, whatever went wrong, with a growing pause. Only the end of
 * the process stops it, and what was then not written is still owed and comes again.
 */
import type { Clock } from './clock.ts';
import { HooktailError, messageOf } from './errors.ts';
import type { Telemetry } from './telemetry.ts';

export interface PersistDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Aborted when the process gives up on what is left. */
  readonly signal: AbortSignal;
}

export type Persist = <Result>(write: string, statement: () => Promise<Result>) => Promise<Result>;

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** @throws HooktailError `gave_up` once the signal is aborted. */
export function createPersist({ clock, telemetry, signal }: PersistDeps): Persist {
  return async (write, statement) => {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await statement();
      } catch (error) {
        telemetry.emit('write.retried', { write, error: messageOf(error) });
        await clock.sleep(pauseMs, signal);
        if (signal.aborted) throw new HooktailError('gave_up', `Gave up on ${write} at the end of the process`, { cause: error });
      }
    }
  };
}
