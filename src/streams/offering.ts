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
  /** Fills a lane with what is due for it, up to its depth; answers how many it took. It is nudged again at half of that. */
  refill(lane: OwnedLane, signal: AbortSignal): Promise<number>;
  /** Offers those of the given deliveries that are open and due; answers how many were taken. */
  offerDue(ids: readonly DeliveryId[]): Promise<number>;
}

const PAGE = 1_000;
/**
 * How many ids a lane that is filled from the database may know. What is known stays due until its result is written, and so is
 * read again with every page: a lane as deep as memory allows would read its whole depth for each page. With this depth, and no
 * reading before half of it is free, half of what is read is new; the other half lasts the fastest lane some 300 ms.
 */
const DEPTH = 2 * PAGE;

const depthOf = ({ port }: OwnedLane): number => Math.min(DEPTH, port.size + port.room);

export function createOffering(store: Store, book: LaneBook): Offering {
  /**
   * Reads, then offers what was not in memory when the reading began and was not forgotten meanwhile. Those that could only
   * be ended, their event being gone, count as taken: they are out of the way.
   */
  async function readAndOffer(read: () => Promise<readonly OpenDelivery[]>): Promise<{ readonly read: number; readonly taken: number; readonly refused: number }> {
    const watch = book.watchForgotten();
    try {
      const due = await read();
      const fresh = due.filter(({ id, targetId }) => !watch.has(id) && book.get(targetId)?.port.has(id) === false);
      const contents: ReadonlyMap<EventId, EventContent> = fresh.length === 0 ? new Map() : await findContents(store, [...new Set(fresh.map(({ eventId }) => eventId))]);
      const [orphans, whole] = partition(fresh, ({ eventId }) => !contents.has(eventId));
      if (orphans.length > 0) await endOrphans(store, orphans.map(({ id }) => id));
      const taken = whole.filter((delivery) => !watch.has(delivery.id) && offerOne(delivery, contents.get(delivery.eventId)));
      return { read: due.length, taken: taken.length + orphans.length, refused: whole.length - taken.length };
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
  async function refillOnce(lane: OwnedLane): Promise<{ readonly taken: number; readonly isMore: boolean }> {
    const limit = Math.min(PAGE, depthOf(lane) - lane.port.size) + lane.port.size;
    const parkingsBefore = lane.parkings;
    const { read, taken, refused } = await readAndOffer(() => findDue(store, lane.port.targetId, limit));
    const parkedMeanwhile = lane.parkings !== parkingsBefore;
    if (read < limit && !parkedMeanwhile) lane.hasParked = false;
    // What was parked while this was read tells nobody else, so there is a reason to read again, unless the lane takes nothing.
    return { taken, isMore: taken > 0 || (refused === 0 && parkedMeanwhile) };
  }

  return {
    async refill(lane, signal) {
      const { port } = lane;
      const isWorthIt = (): boolean => lane.hasParked && port.room > 0 && port.size <= depthOf(lane) / 2 && book.get(port.targetId) === lane && !signal.aborted;
      let total = 0;
      for (let isMore = true; isMore && isWorthIt(); ) {
        const page = await refillOnce(lane);
        total += page.taken;
        ({ isMore } = page);
      }
      // An empty lane that could take nothing waits for the sweep.
      if (lane.hasParked && port.size > 0) port.callBelow(Math.floor(depthOf(lane) / 2));
      return total;
    },
    async offerDue(ids) {
      return ids.length === 0 ? 0 : (await readAndOffer(() => findDueAmong(store, ids))).taken;
    },
  };
}
