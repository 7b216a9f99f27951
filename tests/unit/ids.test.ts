/** Identifiers: their form, their order, and that derived ones collide exactly when they name the same thing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_TARGET_ID, deliveryIdOf, deliveryOfTimer, isEventId, isTargetId, newEventId, newSessionId, parseDeliveryId, timerIdOf, type TargetId } from '../../src/domain/ids.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const targetIds = fc.stringMatching(/^tgt_[A-Za-z0-9_-]{1,64}$/).map((text) => text as TargetId);

describe('an event id', () => {
  test('is recognised as one', () => {
    assert.equal(isEventId(newEventId(NOW_MS)), true);
  });

  test('rises within a process, through equal milliseconds and a clock set back', () => {
    const ids = [NOW_MS, NOW_MS, NOW_MS, NOW_MS + 1, NOW_MS - 5_000, NOW_MS + 2].map(newEventId);
    assert.deepEqual(ids.toSorted(), ids);
    assert.equal(new Set(ids).size, ids.length);
  });

  test('is never given out twice', () => {
    const ids = Array.from({ length: 10_000 }, () => newEventId(NOW_MS));
    assert.equal(new Set(ids).size, ids.length);
  });

  test('is told from everything else', () => {
    const good = newEventId(NOW_MS);
    for (const text of ['', 'evt_', good.slice(4), good.toLowerCase(), `${good}0`, good.slice(0, -1), ` ${good}`, `${good}\n`, good.replace('evt_', 'tgt_'), `evt_${'I'.repeat(26)}`, newSessionId(NOW_MS)]) {
      assert.equal(isEventId(text), false, JSON.stringify(text));
    }
  });
});

describe('a target id', () => {
  test('is tgt_ and 1 to 64 letters, digits, _ or -', () => {
    for (const text of [DEFAULT_TARGET_ID, 'tgt_a', `tgt_${'x'.repeat(64)}`, 'tgt_A-b_9']) assert.equal(isTargetId(text), true, text);
    for (const text of ['', 'tgt_', `tgt_${'x'.repeat(65)}`, 'tgt_a/b', 'tgt_a#b', 'tgt_a b', 'tgt_$a', 'tgt_a\n', 'evt_a']) assert.equal(isTargetId(text), false, JSON.stringify(text));
  });
});

test('a session id is unlike every other, even in one millisecond', () => {
  const ids = Array.from({ length: 1_000 }, () => newSessionId(NOW_MS));
  assert.equal(new Set(ids).size, 1_000);
  for (const id of ids) assert.match(id, /^ses_[0-9A-HJKMNP-TV-Z]{26}$/);
});

describe('a delivery id', () => {
  test('comes apart into exactly the event and the target it was made of', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), targetIds, (nowMs, targetId) => {
      const eventId = newEventId(nowMs);
      assert.deepEqual(parseDeliveryId(deliveryIdOf(eventId, targetId)), { eventId, targetId });
    }));
  });

  test('is the same for the same pair and different for any other', () => {
    const [first, second] = [newEventId(NOW_MS), newEventId(NOW_MS)];
    const other = 'tgt_other' as TargetId;
    const ids = [deliveryIdOf(first, DEFAULT_TARGET_ID), deliveryIdOf(first, other), deliveryIdOf(second, DEFAULT_TARGET_ID), deliveryIdOf(second, other)];
    assert.equal(new Set(ids).size, 4);
    assert.equal(deliveryIdOf(first, other), ids[1]);
  });

  test('is told from everything else, without throwing', () => {
    const eventId = newEventId(NOW_MS);
    for (const text of ['', '/', eventId, `${eventId}/`, `/${DEFAULT_TARGET_ID}`, `${eventId}/${DEFAULT_TARGET_ID}/`, `${DEFAULT_TARGET_ID}/${eventId}`, `${eventId}/${eventId}`]) {
      assert.equal(parseDeliveryId(text), null, text);
    }
    fc.assert(fc.property(fc.string(), (text) => assert.equal(parseDeliveryId(text), null)));
  });
});

describe('a timer id', () => {
  const deliveryId = deliveryIdOf(newEventId(NOW_MS), DEFAULT_TARGET_ID);

  test('leads back to its delivery', () => {
    fc.assert(fc.property(fc.nat(), fc.nat(), (generation, attempt) => {
      assert.equal(deliveryOfTimer(timerIdOf(deliveryId, generation, attempt)), deliveryId);
    }));
  });

  test('names one attempt of one generation, so that a replay has timers of its own', () => {
    const pairs = [0, 1, 11, 111].flatMap((generation) => [0, 1, 11, 111].map((attempt) => timerIdOf(deliveryId, generation, attempt)));
    assert.equal(new Set(pairs).size, 16);
  });

  test('that belongs to no delivery leads nowhere', () => {
    for (const text of ['', '#', deliveryId, '#0.1', 'evt_x/tgt_y#0.1', `${DEFAULT_TARGET_ID}#0.1`]) assert.equal(deliveryOfTimer(text), null, text);
  });
});
