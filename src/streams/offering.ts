/**
 * From the database into a lane's memory: parked and due deliveries, oldest first, with the bodies of their events. Every
 * path that reads before it offers goes through here, so the rule about stale reads stands in one place.
 */
import { claimOf, type OpenDelivery } from '../domain/delivery.ts';
import type { EventContent } from '../domain/event.ts';
import type { DeliveryId, EventId } from '../domain/ids.ts';
import { partition } from '../runtime/partition.ts';
import { endOrphans, findDue, findDueAmong } from '../store/deliveries.ts';
import { findContents } from '../store/events.ts';
import type { Store } from '../store/store.ts';
import { markParked, type LaneBook, type OwnedLane } from './lane-book.ts';

export interface Offering {
  /** Fills a lane with what is due for it; answers how many it took. Reads on while pages are full and there is room. */
  refill(lane: OwnedLane, signal: AbortSignal): Promise<number>;
  /** Offers those of the given deliveries that are open and due; answers how many were taken. */
  offerDue(ids: readonly DeliveryId[]): Promise<number>;
}

const PAGE = 1_000;

export function createOffering(store: Store, book: LaneBook): Offering {
  /**
   * Reads, then offers what was not in memory when the reading began and was not forgotten meanwhile. Those that could only
   * be ended, their event being gone, count as taken: they are out of the way.
   */
  async function readAndOffer(read: () => Promise<readonly OpenDelivery[]>): Promise<{ readonly read: number; readonly taken: number }> {
    const watch = book.watchForgotten();
    try {
      const due = await read();
      const fresh = due.filter(({ id, targetId }) => !watch.has(id) && book.get(targetId)?.port.has(id) === false);
      const contents: ReadonlyMap<EventId, EventContent> = fresh.length === 0 ? new Map() : await findContents(store, [...new Set(fresh.map(({ eventId }) => eventId))]);
      const [orphans, whole] = partition(fresh, ({ eventId }) => !contents.has(eventId));
      if (orphans.length > 0) await endOrphans(store, orphans.map(({ id }) => id));
      const taken = whole.filter((delivery) => !watch.has(delivery.id) && offerOne(delivery, contents.get(delivery.eventId)));
      return { read: due.length, taken: taken.length + orphans.length };
    } finally {
      watch.end();
    }
  }

  function offerOne(delivery: OpenDelivery, content: EventContent | undefined): boolean {
    const lane = book.get(delivery.targetId);
    if (lane === null || content === undefined) return false;
    const result = lane.port.offer({ claim: claimOf(delivery), content });
    if (result === 'full') markParked(lane);
    return result === 'taken';
  }

  /** One page. Known ids are read again, since they stay due until their result is written; so ask for that many more. */
  async function refillOnce(lane: OwnedLane): Promise<number> {
    const limit = Math.min(PAGE, lane.port.room) + lane.port.size;
    const parkingsBefore = lane.parkings;
    const { read, taken } = await readAndOffer(() => findDue(store, lane.port.targetId, limit));
    if (read < limit && lane.parkings === parkingsBefore) lane.hasParked = false;
    return taken;
  }

  return {
    async refill(lane, signal) {
      const isOwned = (): boolean => book.get(lane.port.targetId) === lane;
      let total = 0;
      for (let taken = 1; taken > 0 && lane.hasParked && lane.port.room > 0 && isOwned() && !signal.aborted; total += taken) taken = await refillOnce(lane);
      return total;
    },
    async offerDue(ids) {
      return ids.length === 0 ? 0 : (await readAndOffer(() => findDueAmong(store, ids))).taken;
    },
  };
}
