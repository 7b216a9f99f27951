/**
 * The sweep: what the stream makes instant, this makes certain. Every 5 s, and at once after the stream has caught up or a
 * lane was taken, it looks for (a) events that somehow reached no lane, (b) deliveries that are due and in no memory, (d)
 * status words that a crash left behind. It is enough alone to deliver everything.
 *
 * (a) must not mistake "not yet told by the stream" for "lost": it parks an event only when the stream has told everything
 * written before the event was seen, and it is still in nobody's memory.
 */
import { deliveryIdOf, type EventId, type TargetId } from '../domain/ids.ts';
import type { Clock } from '../runtime/clock.ts';
import { createLoop, type Loop } from '../runtime/service.ts';
import type { Random } from '../runtime/random.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { firstClaim } from '../domain/delivery.ts';
import { existingDeliveries, findDueOfAny } from '../store/deliveries.ts';
import { findPendingFanOut, stillPending, type EventHead } from '../store/events.ts';
import type { Store } from '../store/store.ts';
import { markParked, type LaneBook } from './lane-book.ts';
import type { Park, Recheck } from './ports.ts';

export interface SweepDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly book: LaneBook;
  readonly park: Park;
  readonly recheck: Recheck;
  /** Whether the stream has told everything written before this call; a stream that is off has. */
  readonly streamReached: (timeoutMs: number, signal: AbortSignal) => Promise<boolean>;
  /** Has lanes with something parked filled. */
  readonly refill: () => void;
  /** Part (d), when there is reason to believe that marks were lost. */
  readonly repair: (signal: AbortSignal) => Promise<void>;
}

interface Look extends EventHead {
  readonly unknownTo: readonly TargetId[];
  /** None of our lanes has it. */
  readonly isNowhere: boolean;
}

const EVERY_MS = 5_000;
const JITTER_MS = 500;
const PAGE = 1_000;
/** Longer than a read of the stream that is well. */
const STREAM_WAIT_MS = 4_000;

export function createSweep({ store, clock, random, telemetry, book, park, recheck, streamReached, refill, repair }: SweepDeps): Loop {
  /** An event with those lanes of ours that it is owed to and that do not have it in memory. */
  const look = ({ id, targetIds }: EventHead): Look => {
    const own = targetIds.filter((targetId) => book.get(targetId) !== null);
    const unknownTo = own.filter((targetId) => book.get(targetId)?.port.has(deliveryIdOf(id, targetId)) === false);
    return { id, targetIds, unknownTo, isNowhere: unknownTo.length === own.length };
  };
  const looks = (events: readonly EventHead[]): readonly Look[] => events.map(look).filter(({ unknownTo }) => unknownTo.length > 0);

  /** (a) One page after another, until a page is short. */
  async function findLost(signal: AbortSignal): Promise<number> {
    let parked = 0;
    for (let after: EventId | null = null, more = true; more && !signal.aborted; ) {
      const page: readonly EventHead[] = await findPendingFanOut(store, after, PAGE);
      const rescued = await rescue(looks(page), signal);
      if (rescued === null) return parked;
      parked += rescued;
      if (rescued > 0) refill();
      after = page.at(-1)?.id ?? null;
      more = page.length === PAGE;
    }
    return parked;
  }

  /** Answers how many it parked; null when the stream is behind, and the next sweep must try again. */
  async function rescue(suspects: readonly Look[], signal: AbortSignal): Promise<number | null> {
    if (suspects.length === 0) return 0;
    if (!(await streamReached(STREAM_WAIT_MS, signal))) return null;
    const watch = book.watchForgotten();
    try {
      const pending = looks(await stillPending(store, suspects.map(({ id }) => id)));
      const owed = pending.flatMap((event) => event.unknownTo.map((targetId) => claimIn(event, targetId)));
      const existing = await existingDeliveries(store, owed.map(({ id }) => id));
      const missing = owed.filter(({ id }) => !existing.has(id) && !watch.has(id));
      if (missing.length > 0) await park(missing);
      for (const { targetId } of missing) noteParked(targetId);
      // Whoever has one of the others in memory marks the event when that is settled.
      recheck(pending.filter(({ isNowhere }) => isNowhere));
      return missing.length;
    } finally {
      watch.end();
    }
  }

  function noteParked(targetId: TargetId): void {
    const lane = book.get(targetId);
    if (lane !== null) markParked(lane);
  }

  /** (b) Lanes not known to have anything parked are asked about together, in one statement. */
  async function findDueLanes(): Promise<void> {
    const quiet = book.all().filter(({ hasParked }) => !hasParked);
    if (quiet.length === 0) return;
    const inMemory = quiet.reduce((sum, { port }) => sum + port.size, 0);
    const due = await findDueOfAny(store, quiet.map(({ port }) => port.targetId), PAGE + inMemory);
    for (const { id, targetId } of due) if (book.get(targetId)?.port.has(id) === false) noteParked(targetId);
  }

  async function turn(signal: AbortSignal): Promise<number> {
    const startedAtMs = clock.monotonic();
    refill(); // What is parked already need not wait for the search for what is not.
    const parked = await findLost(signal);
    await findDueLanes();
    refill();
    await repair(signal);
    telemetry.emit('sweep.finished', { parked, tookMs: clock.monotonic() - startedAtMs });
    return EVERY_MS + (2 * random() - 1) * JITTER_MS;
  }

  return createLoop({ clock, telemetry }, { name: 'sweep', turn, retryMs: 1_000 });
}

const claimIn = ({ id, targetIds }: EventHead, targetId: TargetId): ReturnType<typeof firstClaim> & Pick<EventHead, 'targetIds'> => ({ ...firstClaim(deliveryIdOf(id, targetId), id, targetId), targetIds });
