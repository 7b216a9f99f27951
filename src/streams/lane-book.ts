/**
 * The lanes this processor owns now. It also answers the one question that reading and then offering must ask: was this id
 * forgotten *since I started reading*? If so, what was read is older than what was done, and must not be offered.
 */
import type { DeliveryId, TargetId } from '../domain/ids.ts';
import type { TargetLimits } from '../domain/target.ts';
import type { LanePort } from './ports.ts';

export interface OwnedLane {
  readonly port: LanePort;
  /** What the lane was built for. */
  readonly limits: TargetLimits;
  /** It was opened for a deleted target, and takes nothing into memory: what it is owed ends in the database (ending.ts). */
  readonly isEnding: boolean;
  readonly term: number;
  /** On the monotonic clock. */
  readonly takenAtMs: number;
  /** From its taking until the stream has told all that was written before that, results may be written already that the stream tells of again. */
  catchingUp: boolean;
  /** There may be ready or due deliveries in the database that are not in memory: newcomers queue behind them. */
  hasParked: boolean;
  /** Rises whenever something is parked, so that a reading which began before knows that it has not seen all. */
  parkings: number;
}

/** Something of this lane's is in the database only. */
export function markParked(lane: OwnedLane): void {
  lane.hasParked = true;
  lane.parkings += 1;
}

/** Between `watchForgotten` and `end`, remembers which ids left any lane's memory. */
export interface ForgottenWatch {
  has(id: DeliveryId): boolean;
  end(): void;
}

export class LaneBook {
  readonly #lanes = new Map<TargetId, OwnedLane>();
  readonly #watches = new Set<Set<DeliveryId>>();

  get(targetId: TargetId): OwnedLane | null {
    return this.#lanes.get(targetId) ?? null;
  }

  all(): readonly OwnedLane[] {
    return [...this.#lanes.values()];
  }

  add(lane: OwnedLane): void {
    this.#lanes.set(lane.port.targetId, lane);
  }

  remove(targetId: TargetId): void {
    this.#lanes.delete(targetId);
  }

  /** The stream has told all that was written before `asOfMs`: lanes taken before that have caught up. */
  caughtUpTo(asOfMs: number): void {
    for (const lane of this.#lanes.values()) if (lane.takenAtMs <= asOfMs) lane.catchingUp = false;
  }

  noteForgotten(id: DeliveryId): void {
    for (const watch of this.#watches) watch.add(id);
  }

  watchForgotten(): ForgottenWatch {
    const forgotten = new Set<DeliveryId>();
    this.#watches.add(forgotten);
    return { has: (id) => forgotten.has(id), end: () => void this.#watches.delete(forgotten) };
  }
}
