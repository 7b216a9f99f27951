/**
 * A batch of changes → lanes. Offers what this processor's lanes are owed, never waiting for a lane; what does not fit is
 * parked in the database before the batch counts as done. A change event is a nudge, not the truth: the guarded writes decide.
 */
import { firstClaim, type DeliveryJob } from '../domain/delivery.ts';
import { deliveryIdOf, parseDeliveryId, type DeliveryId } from '../domain/ids.ts';
import { partition } from '../runtime/partition.ts';
import type { Change } from '../store/change-stream.ts';
import { existingDeliveries } from '../store/deliveries.ts';
import type { Store } from '../store/store.ts';
import { markParked, type LaneBook, type OwnedLane } from './lane-book.ts';
import type { Offering } from './offering.ts';
import type { Park } from './ports.ts';

export interface DispatchDeps {
  readonly store: Store;
  readonly book: LaneBook;
  readonly offering: Offering;
  readonly park: Park;
  /** Something was parked behind nothing: whoever fills lanes was done while it was being written. */
  readonly onParked: () => void;
}

/** Deals with one batch; answers how many deliveries lanes took or had parked. */
export type Dispatch = (changes: readonly Change[], catchingUp: boolean) => Promise<number>;

interface Candidate {
  readonly lane: OwnedLane;
  readonly job: DeliveryJob;
}

export function createDispatch({ store, book, offering, park, onParked }: DispatchDeps): Dispatch {
  /** Drops the deliveries that have a document already: the sweep and the timers see to those. */
  async function withoutDocument(candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    if (candidates.length === 0) return [];
    const watch = book.watchForgotten();
    try {
      const existing = await existingDeliveries(store, candidates.map(({ job }) => job.claim.id));
      return candidates.filter(({ job }) => !existing.has(job.claim.id) && !watch.has(job.claim.id));
    } finally {
      watch.end();
    }
  }

  /** Offers each; answers those that must be parked. Where something is parked already, newcomers queue behind it. */
  function offerAll(candidates: readonly Candidate[]): readonly Candidate[] {
    return candidates.filter(({ lane, job }) => {
      if (lane.port.has(job.claim.id)) return false;
      if (lane.hasParked) return true;
      return lane.port.offer(job) === 'full';
    });
  }

  async function parkAll(candidates: readonly Candidate[]): Promise<void> {
    if (candidates.length === 0) return;
    await park(candidates.map(({ job }) => ({ ...job.claim, targetIds: job.content.targetIds })));
    const isNews = candidates.some(({ lane }) => !lane.hasParked);
    for (const { lane } of candidates) markParked(lane);
    if (isNews) onParked();
  }

  async function offerEvents(changes: readonly Change[], catchingUp: boolean): Promise<number> {
    const candidates = changes.flatMap((change) => candidatesOf(change, book));
    const [doubtful, certain] = partition(candidates, ({ lane }) => catchingUp || lane.catchingUp);
    const owed = [...(await withoutDocument(doubtful)), ...certain];
    await parkAll(offerAll(owed));
    return owed.length;
  }

  return async (changes, catchingUp) => {
    const offered = await offerEvents(changes, catchingUp);
    return offered + (await offering.offerDue(changes.flatMap((change) => dueOf(change, book))));
  };
}

function candidatesOf(change: Change, book: LaneBook): readonly Candidate[] {
  if (change.kind !== 'eventInserted') return [];
  const { event, targetIds } = change;
  return targetIds.flatMap((targetId) => {
    const lane = book.get(targetId);
    return lane === null ? [] : [{ lane, job: { claim: firstClaim(deliveryIdOf(event.id, targetId), event.id, targetId), content: event } }];
  });
}

/** A fired timer of an own lane. Behind parked work it waits its turn; whoever fills the lane just now must know that it has not seen it. */
function dueOf(change: Change, book: LaneBook): readonly DeliveryId[] {
  if (change.kind !== 'timerDue') return [];
  const targetId = parseDeliveryId(change.deliveryId)?.targetId;
  const lane = targetId === undefined ? null : book.get(targetId);
  if (lane === null) return [];
  if (lane.hasParked) markParked(lane);
  return lane.hasParked ? [] : [change.deliveryId];
}
