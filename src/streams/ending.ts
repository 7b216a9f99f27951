/**
 * The end of deleted targets, whose lanes this processor owns. Such a lane was opened for an ending, so it takes nothing into
 * memory: what the stream still tells is parked, what nobody was told of the sweep parks, and here all of it ends as dead, page
 * by page, whoever did the page before. The target itself is taken out when nothing is owed to it any more and it has been
 * deleted for a minute, since a server may have stored an event by what it knew a second ago.
 *
 *   deleted → lane drained and opened anew → open deliveries dead, their events' words written → nothing left → removed
 *
 * Everything goes by the database alone, so a processor that dies in the middle leaves nothing that the next owner must know;
 * words that it did not come to write are found by its repair.
 */
import { deliveryIdOf, type EventId, type TargetId } from '../domain/ids.ts';
import { DELETED_REASON, type Target } from '../domain/target.ts';
import type { Clock } from '../runtime/clock.ts';
import { createLoop, type Loop } from '../runtime/service.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { existingDeliveries } from '../store/deliveries.ts';
import { removeLane } from '../store/lanes.ts';
import { endOpen, findOpen, pendingEventsOf } from '../store/owed.ts';
import { restateEvents } from '../store/replay.ts';
import type { Store } from '../store/store.ts';
import { isDeletedFor, removeTarget } from '../store/target-changes.ts';
import type { LaneBook, OwnedLane } from './lane-book.ts';

export interface EndingDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly book: LaneBook;
  readonly targets: () => readonly Target[];
}

const PAGE = 1_000;
const REMOVED_AFTER_MS = 60_000;
/** While a target is ending, for what comes late; whatever begins an ending comes with a nudge. */
const AGAIN_MS = 2_000;
const IDLE_MS = 60_000;

export function createEnding({ store, clock, telemetry, book, targets }: EndingDeps): Loop {
  const isOurs = (lane: OwnedLane): boolean => book.get(lane.port.targetId) === lane;

  /** Ends all that has a document; answers how many. */
  async function endOwed(lane: OwnedLane, signal: AbortSignal): Promise<number> {
    let ended = 0;
    while (isOurs(lane) && !signal.aborted) {
      const page = await findOpen(store, lane.port.targetId, PAGE);
      if (page.length === 0) break;
      await endOpen(store, page.map(({ id }) => id), DELETED_REASON);
      await restateEvents(store, [...new Set(page.map(({ eventId }) => eventId))]);
      ended += page.length;
    }
    return ended;
  }

  /** Whether some event is owed that nothing is written of yet. */
  async function isOwedUnwritten(targetId: TargetId, signal: AbortSignal): Promise<boolean> {
    for (let after: EventId | null = null; !signal.aborted; ) {
      const page: readonly EventId[] = await pendingEventsOf(store, targetId, after, PAGE);
      const existing = await existingDeliveries(store, page.map((id) => deliveryIdOf(id, targetId)));
      if (existing.size < page.length) return true;
      if (page.length < PAGE) return false;
      after = page.at(-1) ?? null;
    }
    return true;
  }

  /** First what has no document yet: what gets one in between is seen by the second look. */
  async function isAtItsEnd(targetId: TargetId, signal: AbortSignal): Promise<boolean> {
    return !(await isOwedUnwritten(targetId, signal)) && (await findOpen(store, targetId, 1)).length === 0;
  }

  async function end(target: Target, lane: OwnedLane, signal: AbortSignal): Promise<void> {
    const { id: targetId } = target;
    const count = await endOwed(lane, signal);
    if (count > 0) telemetry.emit('target.ended', { targetId, count });
    // Looking for what is unwritten goes through all events that are, so it is done only when it decides something.
    if (!isOurs(lane) || !(await isDeletedFor(store, target, REMOVED_AFTER_MS)) || !(await isAtItsEnd(targetId, signal))) return;
    if (!(await removeTarget(store, target, REMOVED_AFTER_MS))) return;
    await removeLane(store, targetId);
    telemetry.emit('target.removed', { targetId });
  }

  async function turn(signal: AbortSignal): Promise<number> {
    const deleted = targets().filter(({ status }) => status === 'deleted');
    for (const target of deleted) {
      const lane = book.get(target.id);
      if (lane?.isEnding === true) await end(target, lane, signal);
    }
    return deleted.length === 0 ? IDLE_MS : AGAIN_MS;
  }

  return createLoop({ clock, telemetry }, { name: 'ending', turn, retryMs: 1_000 });
}
