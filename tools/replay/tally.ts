/** Counts deliveries by target and by what went wrong with them last, so that a person sees at a glance what a replay is about. */
import type { DeliveryId, EventId, TargetId } from '../../src/domain/ids.ts';
import type { SettledDelivery } from '../../src/store/replay.ts';
import { timeOfEvent } from './id-time.ts';

export interface Group {
  readonly targetId: TargetId;
  readonly reason: string;
  readonly count: number;
  readonly samples: readonly DeliveryId[];
}

/** Reasons may hold addresses and so be all different; those beyond so many are counted together. */
const MOST_GROUPS = 200;
const SAMPLES = 3;
const OTHER = 'other reasons';

export class Tally {
  readonly #groups = new Map<string, Group>();
  readonly #events = new Set<EventId>();
  #total = 0;
  #oldestMs = Infinity;
  #newestMs = -Infinity;

  add({ id, eventId, targetId, ...rest }: SettledDelivery): void {
    this.#total += 1;
    this.#events.add(eventId);
    const atMs = timeOfEvent(eventId).getTime();
    this.#oldestMs = Math.min(this.#oldestMs, atMs);
    this.#newestMs = Math.max(this.#newestMs, atMs);
    const reason = reasonOf(rest);
    this.#count(targetId, this.#groups.size < MOST_GROUPS || this.#groups.has(keyOf(targetId, reason)) ? reason : OTHER, id);
  }

  get total(): number {
    return this.#total;
  }

  get events(): number {
    return this.#events.size;
  }

  /** When the oldest and the newest of the events were received; null when there are none. */
  get span(): { readonly oldest: Date; readonly newest: Date } | null {
    return this.#total === 0 ? null : { oldest: new Date(this.#oldestMs), newest: new Date(this.#newestMs) };
  }

  /** By target, the largest group of each first. */
  get groups(): readonly Group[] {
    return [...this.#groups.values()].toSorted((a, b) => (a.targetId === b.targetId ? b.count - a.count : a.targetId < b.targetId ? -1 : 1));
  }

  #count(targetId: TargetId, reason: string, id: DeliveryId): void {
    const key = keyOf(targetId, reason);
    const { count, samples } = this.#groups.get(key) ?? { count: 0, samples: [] };
    this.#groups.set(key, { targetId, reason, count: count + 1, samples: samples.length < SAMPLES ? [...samples, id] : samples });
  }
}

const keyOf = (targetId: TargetId, reason: string): string => `${targetId}\n${reason}`;

/** A dead delivery says why it was given up on; of a delivered one the last attempt tells. */
function reasonOf(delivery: Pick<SettledDelivery, 'attempts'> & ({ readonly state: 'dead'; readonly reason: string } | { readonly state: 'delivered' })): string {
  if (delivery.state === 'dead') return delivery.reason;
  const last = delivery.attempts.at(-1);
  return last?.status == null ? 'delivered' : `delivered with status ${last.status}`;
}
