/** What the streams need of the delivery side. The processor fills these in; neither side imports the other. */
import type { Health } from '../domain/breaker.ts';
import type { DeliveryClaim, DeliveryJob } from '../domain/delivery.ts';
import type { DeliveryId, TargetId } from '../domain/ids.ts';
import type { EventHead } from '../store/events.ts';

/** `known`: it is in memory already, or was and is not marked yet. `full`: no room; it must be kept in the database. */
export type OfferResult = 'taken' | 'known' | 'full';

export interface LanePort {
  readonly targetId: TargetId;
  /** How many more ids it has room for. */
  readonly room: number;
  /** Ids it knows: offered and not yet marked. */
  readonly size: number;
  /** How many of those are retries. */
  readonly retries: number;
  /** Whether it may start nothing now, for a reason that may last. */
  readonly isShut: boolean;
  has(id: DeliveryId): boolean;
  offer(job: DeliveryJob): OfferResult;
  /** Calls `onRoom` once it knows no more than `size` ids, at once when that is so already. */
  callBelow(size: number): void;
  /** Starts nothing for so long from now; a longer hold stays. */
  hold(ms: number): void;
  /** Looks again at whether it may send: the session is trusted again, or the target has changed. */
  poke(): void;
  /** Starts nothing more, forgets what has not started, and resolves once all that runs has ended and is written. */
  drain(): Promise<void>;
}

export interface OpenLaneOptions {
  /** Of this owner: what it writes about the lane is guarded by it. */
  readonly term: number;
  /** Of the target, as the last owner wrote it down. */
  readonly health: Health;
  /** Called when an id leaves the lane's memory. */
  readonly onForgotten: (id: DeliveryId) => void;
  /** Called when a lane that was out of room has room for a good part of its capacity again. */
  readonly onRoom: () => void;
}

export type OpenLane = (targetId: TargetId, options: OpenLaneOptions) => LanePort;

/** Keeps deliveries as ready in the database (T3), and sees to the marks of their events. */
export type Park = (claims: readonly (DeliveryClaim & Pick<EventHead, 'targetIds'>)[]) => Promise<void>;

/** Sees to the fan-out mark and status of events whose delivery documents may be complete (T4). */
export type Recheck = (events: readonly EventHead[]) => void;

/** Ends the process for a reason that no waiting heals. */
export type Fail = (error: unknown) => void;
