/**
 * Parking (T3): what a lane has no room for is kept as ready in the database, and its event marked, before anything goes on.
 * Events are stored, then parked, then the resume point moves: at each step a crash repeats, and never loses.
 */
import type { DeliveryClaim } from '../domain/delivery.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { parkDeliveries } from '../store/deliveries.ts';
import type { EventHead } from '../store/events.ts';
import type { Store } from '../store/store.ts';
import type { Marker } from './mark.ts';

export interface ParkDeps {
  readonly store: Store;
  readonly serverClock: ServerClock;
  readonly telemetry: Telemetry;
  readonly marker: Marker;
}

/** A claim, with all targets of its event. */
export type ParkedClaim = DeliveryClaim & Pick<EventHead, 'targetIds'>;

const PAGE = 1_000;

export function createPark({ store, serverClock, telemetry, marker }: ParkDeps): (claims: readonly ParkedClaim[]) => Promise<void> {
  return async (claims) => {
    for (let start = 0; start < claims.length; start += PAGE) await parkDeliveries(store, claims.slice(start, start + PAGE), new Date(serverClock.now()));
    // Some may have had a document already, so the database says how far each event has come.
    for (const { eventId, targetIds } of claims) marker.note({ eventId, targetIds, progress: null });
    telemetry.emit('delivery.parked', { count: claims.length });
  };
}
