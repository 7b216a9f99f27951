/** The public word for how far an event has come, from nothing but its deliveries. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DELIVERY_STATES } from '../../src/domain/delivery.ts';
import { EVENT_STATUSES, type EventStatus } from '../../src/domain/event.ts';
import { eventStatusOf, isFinalStatus, type DeliveryProgress } from '../../src/domain/event-status.ts';

const fresh: DeliveryProgress = { state: 'ready', attemptCount: 0 };
const retried: DeliveryProgress = { state: 'ready', attemptCount: 1 };
const waiting: DeliveryProgress = { state: 'waiting', attemptCount: 1 };
const delivered: DeliveryProgress = { state: 'delivered', attemptCount: 1 };
const lateDelivered: DeliveryProgress = { state: 'delivered', attemptCount: 7 };
const dead: DeliveryProgress = { state: 'dead', attemptCount: 10 };
const blocked: DeliveryProgress = { state: 'dead', attemptCount: 0 };

describe('an event', () => {
  const rows: readonly (readonly [what: string, owed: number, deliveries: readonly DeliveryProgress[], expected: EventStatus])[] = [
    ['that no target wanted', 0, [], 'UNROUTED'],
    ['that nothing is written about yet', 1, [], 'RECEIVED'],
    ['whose only delivery is parked and untried', 1, [fresh], 'RECEIVED'],
    ['with one target done and the other not begun', 2, [delivered], 'RECEIVED'],
    ['with one target done and the other parked', 2, [delivered, fresh], 'RECEIVED'],
    ['with a retry waiting', 1, [waiting], 'FAILED_TEMPORARILY'],
    ['with a retry that is due', 1, [retried], 'FAILED_TEMPORARILY'],
    ['with one target done and the other waiting', 2, [delivered, waiting], 'FAILED_TEMPORARILY'],
    ['with one target given up and the other still open', 2, [dead, fresh], 'FAILED_TEMPORARILY'],
    ['with one target given up and the other not begun', 2, [dead], 'FAILED_TEMPORARILY'],
    ['that every target took', 2, [delivered, lateDelivered], 'DELIVERED'],
    ['that its only target took on a late attempt', 1, [lateDelivered], 'DELIVERED'],
    ['whose only target was given up', 1, [dead], 'FAILED_PERMANENTLY'],
    ['that was blocked before any attempt', 1, [blocked], 'FAILED_PERMANENTLY'],
    ['that one target took and another never will', 2, [delivered, dead], 'FAILED_PERMANENTLY'],
    ['replayed after it died', 1, [fresh], 'RECEIVED'],
  ];
  for (const [what, owed, deliveries, expected] of rows) {
    test(`${what} is ${expected}`, () => assert.equal(eventStatusOf(owed, deliveries), expected));
  }
});

describe('for any set of deliveries', () => {
  const progress: fc.Arbitrary<DeliveryProgress> = fc.record({ state: fc.constantFrom(...DELIVERY_STATES), attemptCount: fc.nat({ max: 20 }) });
  const events = fc.array(progress, { maxLength: 8 }).chain((deliveries) => fc.record({ deliveries: fc.constant(deliveries), missing: fc.nat({ max: 3 }) }));
  const always = (check: (status: EventStatus, owed: number, deliveries: readonly DeliveryProgress[]) => void): void =>
    fc.assert(fc.property(events, ({ deliveries, missing }) => {
      const owed = deliveries.length + missing;
      check(eventStatusOf(owed, deliveries), owed, deliveries);
    }));

  test('the status is final exactly when nothing is left to do', () => {
    always((status, owed, deliveries) => {
      const done = deliveries.filter(({ state }) => state === 'delivered' || state === 'dead').length;
      assert.equal(isFinalStatus(status), done === owed);
    });
  });

  test('DELIVERED never hides a delivery that is missing or failed', () => {
    always((status, owed, deliveries) => {
      if (status === 'DELIVERED') assert.equal(deliveries.filter(({ state }) => state === 'delivered').length, owed);
    });
  });

  test('the order of the deliveries does not matter', () => {
    always((status, owed, deliveries) => assert.equal(eventStatusOf(owed, deliveries.toReversed()), status));
  });
});

test('the public words are these five, and three of them are final', () => {
  assert.deepEqual(EVENT_STATUSES.filter(isFinalStatus), ['FAILED_PERMANENTLY', 'DELIVERED', 'UNROUTED']);
  assert.deepEqual(EVENT_STATUSES.filter((status) => !isFinalStatus(status)), ['RECEIVED', 'FAILED_TEMPORARILY']);
});
