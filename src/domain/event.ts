/**
 * An event: an immutable fact accepted from a producer, kept as the raw bytes that came in. Its `status` is the public
 * word for how far its deliveries have come: a projection of them, never a source of truth.
 */
import type { EventId, TargetId } from './ids.ts';
import type { DeliveryState } from './delivery.ts';

export const EVENT_STATUSES = ['RECEIVED', 'FAILED_TEMPORARILY', 'FAILED_PERMANENTLY', 'DELIVERED', 'UNROUTED'] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];

export interface HookEvent {
  readonly id: EventId;
  readonly source: string;
  readonly idempotencyKey: string;
  /** SHA-256 of the body, hex. */
  readonly fingerprint: string;
  readonly type: string | null;
  /** Resolved once, at ingest: a target added later does not receive older events. */
  readonly targetIds: readonly TargetId[];
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly receivedAt: Date;
}

/** What a sender of the event needs to know of it: its bytes, how to label them, and to how many targets it is owed. */
export interface EventContent extends Pick<HookEvent, 'id' | 'type' | 'body' | 'contentType'> {
  readonly owed: number;
}

/** What the projection needs of one delivery. */
export interface DeliveryProgress {
  readonly state: DeliveryState;
  readonly attemptCount: number;
}

/**
 * The event's public status from its deliveries. `owed` is the number of targets; deliveries that have no document yet
 * simply do not appear in `deliveries`.
 */
export function eventStatusOf(owed: number, deliveries: readonly DeliveryProgress[]): EventStatus {
  if (owed === 0) return 'UNROUTED';
  const open = owed - deliveries.filter(isFinal).length;
  if (open > 0) return deliveries.some(hasFailedOnce) ? 'FAILED_TEMPORARILY' : 'RECEIVED';
  return deliveries.some(({ state }) => state === 'dead') ? 'FAILED_PERMANENTLY' : 'DELIVERED';
}

/** A status after which nothing more happens by itself. */
export const isFinalStatus = (status: EventStatus): boolean => status === 'DELIVERED' || status === 'FAILED_PERMANENTLY' || status === 'UNROUTED';

const isFinal = ({ state }: DeliveryProgress): boolean => state === 'delivered' || state === 'dead';
const hasFailedOnce = ({ state, attemptCount }: DeliveryProgress): boolean => state === 'dead' || (state !== 'delivered' && attemptCount > 0);
