/**
 * The three ledgers of a run, as plain rows: what the sender was promised, what MongoDB holds, what the receivers saw. All times
 * are milliseconds of the machine's own monotonic clock, which every process here shares and no clock fault touches.
 */
import type { DeliveryState } from '../src/domain/delivery.ts';
import type { EventStatus } from '../src/domain/event.ts';
import type { Store } from '../src/store/store.ts';

/** Milliseconds that only rise, the same in every process of one machine (CLOCK_MONOTONIC). */
export const now = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;

/** An event that the sender offered. */
export interface Offer {
  readonly number: number;
  readonly key: string;
  readonly type: string;
  /** Null until it was answered 202; at the end: it may be stored or not. */
  readonly accepted: { readonly id: string; readonly atMs: number } | null;
  /** Requests it took. */
  readonly tries: number;
}

export interface StoredEvent {
  readonly id: string;
  readonly key: string;
  readonly type: string | null;
  readonly status: EventStatus;
  readonly pending: boolean;
  readonly targetIds: readonly string[];
  /** SHA-256 of the body, hex. */
  readonly fingerprint: string;
}

export interface StoredDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly targetId: string;
  readonly state: DeliveryState;
  readonly attemptCount: number;
  readonly reason: string | null;
}

/** A status; `reset`: cut off by the receiver itself; `gone`: the sender left before its answer. Null while none is given. */
export type Answer = number | 'reset' | 'gone' | null;

export interface Arrival {
  readonly seq: number;
  readonly eventId: string;
  readonly targetId: string;
  /** `hooktail-attempt`, from 1. */
  readonly attempt: number;
  readonly atMs: number;
  /** SHA-256 of the body, hex. */
  readonly fingerprint: string;
}

export interface Received extends Arrival {
  readonly answer: Answer;
  readonly answeredAtMs: number | null;
}

export interface Ledgers {
  readonly offers: readonly Offer[];
  readonly events: readonly StoredEvent[];
  readonly deliveries: readonly StoredDelivery[];
  /** In the order of their arrival. */
  readonly received: readonly Received[];
}

export async function readStored({ events, deliveries }: Store): Promise<Pick<Ledgers, 'events' | 'deliveries'>> {
  const [eventRows, deliveryRows] = await Promise.all([events.find({}, { projection: { body: 0 } }).toArray(), deliveries.find({}, { projection: { attempts: 0 } }).toArray()]);
  return {
    events: eventRows.map(({ _id: id, idempotencyKey: key, type, status, pendingFanOut, targetIds, fingerprint }) => ({ id, key, type, status, pending: pendingFanOut === true, targetIds, fingerprint })),
    deliveries: deliveryRows.map(({ _id: id, eventId, targetId, state, attemptCount, reason }) => ({ id, eventId, targetId, state, attemptCount, reason: reason ?? null })),
  };
}
