/** An event's public status, computed from its deliveries: one pure function, safe to compute again at any time. */
import type { DeliveryState } from './delivery.ts';
import type { EventStatus } from './event.ts';

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
