/**
 * Probes. `/livez` says that this process turns over and nothing else: tied to the database, an outage there would have every
 * pod restarted. `/readyz` says whether an event sent now would be stored; asked often, it looks at most once a second.
 */
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import { Problem } from './problem.ts';

export interface Readiness {
  /** @throws Problem `not_ready` */
  check(): Promise<void>;
  /** Not ready any more, since the process is about to end. */
  startDraining(): void;
}

const LOOK_EVERY_MS = 1_000;

/** @param ping rejects when no primary can be written to. */
export function createReadiness(clock: Clock, ping: () => Promise<unknown>): Readiness {
  let draining = false;
  let lookedAtMs = -Infinity;
  let look: Promise<string | null> = Promise.resolve(null);

  async function faultOf(): Promise<string | null> {
    try {
      await ping();
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  return {
    async check() {
      if (draining) throw new Problem('not_ready', 'Expected a running server, got one that is stopping');
      if (clock.monotonic() - lookedAtMs >= LOOK_EVERY_MS) {
        lookedAtMs = clock.monotonic();
        look = faultOf();
      }
      const fault = await look;
      if (fault !== null) throw new Problem('not_ready', `Expected a MongoDB primary, got none: ${fault}`);
    },
    startDraining() {
      draining = true;
    },
  };
}
