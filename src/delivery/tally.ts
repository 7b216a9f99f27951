/**
 * What this processor itself has settled of events that have several targets, until each of them is marked: an event whose
 * deliveries all ended here need not be read back to know its word. Only final states are kept, since only they stay what they
 * are whoever owns the lanes (a replay opens them again, and marks know about that). It is a memory, not the truth: whatever
 * is not in it is read.
 */
import type { DeliveryProgress } from '../domain/event-status.ts';
import type { EventId, TargetId } from '../domain/ids.ts';

/** Events whose other deliveries never ended here would stay for ever; the oldest give way, and are read when they are asked for. */
const MOST_EVENTS = 20_000;

export class Tally {
  readonly #most: number;
  readonly #events = new Map<EventId, Map<TargetId, DeliveryProgress>>();

  constructor(most: number = MOST_EVENTS) {
    this.#most = most;
  }

  /** Events it knows something of. */
  get size(): number {
    return this.#events.size;
  }

  note(eventId: EventId, targetId: TargetId, progress: DeliveryProgress): void {
    const known = this.#events.get(eventId);
    if (known !== undefined) known.set(targetId, progress);
    else this.#add(eventId, new Map([[targetId, progress]]));
  }

  /** What has ended of an event, by target. */
  of(eventId: EventId): ReadonlyMap<TargetId, DeliveryProgress> {
    return this.#events.get(eventId) ?? NOTHING;
  }

  forget(eventId: EventId): void {
    this.#events.delete(eventId);
  }

  #add(eventId: EventId, ended: Map<TargetId, DeliveryProgress>): void {
    const [oldest] = this.#events.size >= this.#most ? this.#events.keys() : [];
    if (oldest !== undefined) this.#events.delete(oldest);
    this.#events.set(eventId, ended);
  }
}

const NOTHING: ReadonlyMap<TargetId, DeliveryProgress> = new Map();
