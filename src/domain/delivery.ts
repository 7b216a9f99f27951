/**
 * A delivery: one event owed to one target. It has no document until something is known about it, so the common life is
 * nothing → `delivered`, one write. `wakeAt` exists only while there is something left to do.
 *
 *   (none) → delivered | waiting | dead | ready        ready, waiting → delivered | waiting | dead
 *   dead, delivered → ready                            (replay only; the generation rises)
 */
import type { Attempt } from './attempt.ts';
import type { EventContent } from './event.ts';
import type { DeliveryId, EventId, TargetId } from './ids.ts';

export const DELIVERY_STATES = ['ready', 'waiting', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

interface DeliveryBase {
  readonly id: DeliveryId;
  readonly eventId: EventId;
  readonly targetId: TargetId;
  /** Rises by one at each replay. */
  readonly generation: number;
  /** Attempts made in this generation; a quick retry is part of its attempt. */
  readonly attemptCount: number;
  readonly attempts: readonly Attempt[];
}

export type OpenDelivery = DeliveryBase & { readonly state: 'ready' | 'waiting'; readonly wakeAt: Date };
export type DeliveredDelivery = DeliveryBase & { readonly state: 'delivered'; readonly settledAt: Date };
export type DeadDelivery = DeliveryBase & { readonly state: 'dead'; readonly settledAt: Date; readonly reason: string };
export type Delivery = OpenDelivery | DeliveredDelivery | DeadDelivery;

/**
 * What a lane holds of a delivery: enough to send it and to compare when its result is written. `stored` tells whether a
 * document exists yet, and so whether its first result is an insert (T2) or a guarded update (T5).
 */
export interface DeliveryClaim {
  readonly id: DeliveryId;
  readonly eventId: EventId;
  readonly targetId: TargetId;
  readonly stored: boolean;
  readonly generation: number;
  readonly attemptCount: number;
}

/** The claim of a delivery that nothing is written about yet. */
export const firstClaim = (id: DeliveryId, eventId: EventId, targetId: TargetId): DeliveryClaim => ({
  id, eventId, targetId, stored: false, generation: 0, attemptCount: 0,
});

/** The claim on an open delivery, as it was read. */
export const claimOf = ({ id, eventId, targetId, generation, attemptCount }: OpenDelivery): DeliveryClaim => ({
  id, eventId, targetId, stored: true, generation, attemptCount,
});

/** A unit of work for a lane: what is owed, and what to send. */
export interface DeliveryJob {
  readonly claim: DeliveryClaim;
  readonly content: EventContent;
}
