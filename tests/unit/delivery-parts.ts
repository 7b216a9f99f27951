/** Small parts that the tests of the delivery stage are made from. */
import type { DeliveryClaim, DeliveryJob } from '../../src/domain/delivery.ts';
import { TARGET_DEFAULTS, type Target } from '../../src/domain/target.ts';
import { bareSecretId, deliveryIdOf, type DeliveryId, type EventId, type TargetId } from '../../src/domain/ids.ts';
import { bareSecret } from '../../src/domain/signing-secret.ts';

export const TARGET_ID = 'tgt_parts' as TargetId;

export const targetWith = (fields: Partial<Target> = {}): Target => ({
  id: TARGET_ID,
  url: 'http://127.0.0.1:9/hook',
  eventTypes: ['*'],
  secrets: [bareSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', bareSecretId(0))],
  limits: { ratePerSecond: 0, concurrency: 0 },
  timeoutMs: 15_000,
  retry: { scheduleMs: [5_000, 300_000], maxAttempts: null },
  status: 'active',
  statusReason: null,
  version: 1,
  createdAt: null,
  ...TARGET_DEFAULTS,
  ...fields,
});

export const eventIdOf = (number: number): EventId => `evt_${String(number).padStart(26, '0')}` as EventId;

/** The id of the delivery that `jobOf` makes of the same number. */
export const idOf = (number: number): DeliveryId => deliveryIdOf(eventIdOf(number), TARGET_ID);

export function jobOf(number: number, { bytes = 0, claim = {} }: { readonly bytes?: number; readonly claim?: Partial<DeliveryClaim> } = {}): DeliveryJob {
  const eventId = eventIdOf(number);
  return {
    claim: { id: idOf(number), eventId, targetId: TARGET_ID, stored: false, generation: 0, attemptCount: 0, ...claim },
    content: { id: eventId, type: 'order.created', body: new Uint8Array(bytes), contentType: 'application/json', targetIds: [TARGET_ID] },
  };
}

/** A promise that the test settles. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

export const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
