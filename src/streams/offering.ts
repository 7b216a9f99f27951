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
  async function readAndOffer(read: () => Promise<readonly OpenDelivery[]>): Promise<{ readonly taken: number; readonly refused: number }> {
    const watch = book.watchForgotten();
    try {
      const due = await read();
      const fresh = due.filter(({ id, targetId }) => !watch.has(id) && book.get(targetId)?.port.has(id) === false);
      const contents: ReadonlyMap<EventId, EventContent> = fresh.length === 0 ? new Map() : await findContents(store, [...new Set(fresh.map(({ eventId }) => eventId))]);
      const [orphans, whole] = partition(fresh, ({ eventId }) => !contents.has(eventId));
      if (orphans.length > 0) await endOrphans(store, orphans.map(({ id }) => id));
      const taken = whole.filter((delivery) => !watch.has(delivery.id) && offerOne(delivery, contents.get(delivery.eventId)));
      return { taken: taken.length + orphans.length, refused: whole.length - taken.length };
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

  /** Fresh deliveries and retries, of each half of what there is room for, or more when the others do not need theirs; and whether that is all. */
  async function findTurns({ port }: OwnedLane, room: number): Promise<{ readonly due: readonly OpenDelivery[]; readonly isAll: boolean }> {
    // Known ids are read again, since they stay due until their result is written; so ask for that many more.
    const limits = { ready: port.size - port.retries + room, waiting: port.retries + Math.ceil(room / 2) };
    const [ready, waiting] = await Promise.all([findDue(store, port.targetId, 'ready', limits.ready), findDue(store, port.targetId, 'waiting', limits.waiting)]);
    const isNew = ({ id }: OpenDelivery): boolean => !port.has(id);
    const [fresh, retries] = [ready.filter(isNew), waiting.filter(isNew)];
    return { due: inTurns(fresh, retries, room), isAll: ready.length < limits.ready && waiting.length < limits.waiting && fresh.length + retries.length <= room };
  }

  /** One page. */
  async function refillOnce(lane: OwnedLane): Promise<{ readonly taken: number; readonly isMore: boolean }> {
    const room = Math.min(PAGE, depthOf(lane) - lane.port.size);
    const parkingsBefore = lane.parkings;
    const found = { isAll: false };
    const { taken, refused } = await readAndOffer(async () => {
      const turns = await findTurns(lane, room);
      found.isAll = turns.isAll;
      return turns.due;
    });
    const parkedMeanwhile = lane.parkings !== parkingsBefore;
    if (found.isAll && !parkedMeanwhile) lane.hasParked = false;
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

/** One of each in turn, so that whichever has no room left is not always the same kind. */
export function inTurns<Item>(fresh: readonly Item[], retries: readonly Item[], room: number): readonly Item[] {
  const retryCount = Math.min(retries.length, Math.max(Math.ceil(room / 2), room - fresh.length));
  const freshCount = Math.min(fresh.length, room - retryCount);
  const turns: Item[] = [];
  for (let index = 0; index < Math.max(retryCount, freshCount); index += 1) {
    if (index < freshCount) turns.push(...fresh.slice(index, index + 1));
    if (index < retryCount) turns.push(...retries.slice(index, index + 1));
  }
  return turns;
}
