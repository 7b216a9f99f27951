/**
 * The three ledgers of a run, as plain rows: what the sender was promised, what MongoDB holds, what the receivers saw. All times
 * are milliseconds of the machine's own monotonic clock, which every process here shares and no clock fault touches.
 */
import type { DeliveryState } from '../src/domain/delivery.ts';
import type { EventStatus } from '../src/domain/event.ts';
import type { DeliveryDocument, Store } from '../src/store/store.ts';

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
  /** The numbers of its failed attempts, quick retries left out, in the order in which they were written. */
  readonly failures: readonly number[];
  readonly reason: string | null;
}

/** A status; `reset`: cut off by the receiver itself; `gone`: the sender left before its answer. Null while none is given. */
export type Answer = number | 'reset' | 'gone' | null;

export const isSuccess = (answer: Answer): boolean => typeof answer === 'number' && answer >= 200 && answer < 300;

/** Answered so that the receiver never wants it again. */
export const isRefusal = (answer: Answer): boolean => typeof answer === 'number' && answer >= 400 && answer < 500;

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

const OF_A_DELIVERY = { eventId: 1, targetId: 1, state: 1, attemptCount: 1, reason: 1, 'attempts.number': 1, 'attempts.quickRetry': 1, 'attempts.status': 1 };

export async function readStored({ events, deliveries }: Store): Promise<Pick<Ledgers, 'events' | 'deliveries'>> {
  const [eventRows, deliveryRows] = await Promise.all([events.find({}, { projection: { body: 0 } }).toArray(), deliveries.find({}, { projection: OF_A_DELIVERY }).toArray()]);
  return {
    events: eventRows.map(({ _id: id, idempotencyKey: key, type, status, pendingFanOut, targetIds, fingerprint }) => ({ id, key, type, status, pending: pendingFanOut === true, targetIds, fingerprint })),
    deliveries: deliveryRows.map(({ _id: id, eventId, targetId, state, attemptCount, attempts, reason }) => ({ id, eventId, targetId, state, attemptCount, failures: failuresAmong(attempts), reason: reason ?? null })),
  };
}

const failuresAmong = (attempts: DeliveryDocument['attempts']): readonly number[] => attempts.filter(({ quickRetry, status }) => quickRetry === 0 && !isSuccess(status)).map(({ number }) => number);
