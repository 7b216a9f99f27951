/**
 * Keeps lanes filled from what is parked in the database: whenever a lane has room again, something was parked, or the sweep
 * found something due. One lane after another, so that a deep backlog does not own the reading.
 */
import type { Clock } from '../runtime/clock.ts';
import { createLoop, type Loop } from '../runtime/service.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import type { LaneBook } from './lane-book.ts';
import type { Offering } from './offering.ts';

export interface RefillDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly book: LaneBook;
  readonly offering: Offering;
}

/** Nobody waits for this: every reason to refill comes with a nudge. */
const IDLE_MS = 60_000;

export function createRefill({ clock, telemetry, book, offering }: RefillDeps): Loop {
  async function turn(signal: AbortSignal): Promise<number> {
    for (const lane of book.all()) {
      if (!lane.hasParked || lane.isEnding || lane.port.room === 0) continue;
      const count = await offering.refill(lane, signal);
      if (count > 0) telemetry.emit('lane.refilled', { targetId: lane.port.targetId, count });
    }
    return IDLE_MS;
  }

  return createLoop({ clock, telemetry }, { name: 'refill', turn, retryMs: 500 });
}
