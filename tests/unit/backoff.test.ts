/** When to try again: the schedule's numbers, the jitter's bounds, and what of Retry-After is believed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { attemptsAllowed, JITTER, jittered, RETRY_AFTER_MAX_MS, retryAfterMs, scheduledDelayMs, STANDARD_SCHEDULE_MS } from '../../src/domain/backoff.ts';
import type { RetryPolicy } from '../../src/domain/target.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const STANDARD: RetryPolicy = { scheduleMs: STANDARD_SCHEDULE_MS, maxAttempts: null };

describe('the retry schedule', () => {
  test('is the standard one: ten attempts over 75.6 hours', () => {
    assert.deepEqual(STANDARD_SCHEDULE_MS.map((ms) => ms / 1_000), [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    assert.equal(attemptsAllowed(STANDARD), 10);
    assert.equal((STANDARD_SCHEDULE_MS.reduce((sum, ms) => sum + ms) / 3_600_000).toFixed(1), '75.6');
  });

  test('gives each attempt the delay that follows it, and the last one none', () => {
    const delays = Array.from({ length: 11 }, (_, index) => scheduledDelayMs(STANDARD, index + 1));
    assert.deepEqual(delays, [...STANDARD_SCHEDULE_MS, null, null]);
  });

  test('is cut short by a smaller number of attempts', () => {
    const policy = { ...STANDARD, maxAttempts: 3 };
    assert.deepEqual([1, 2, 3, 4].map((number) => scheduledDelayMs(policy, number)), [5_000, 300_000, null, null]);
  });

  test('repeats its last delay when more attempts are asked for', () => {
    const policy = { scheduleMs: [1_000, 2_000], maxAttempts: 5 };
    assert.deepEqual([1, 2, 3, 4, 5].map((number) => scheduledDelayMs(policy, number)), [1_000, 2_000, 2_000, 2_000, null]);
  });

  test('of a single attempt means no retry at all', () => {
    assert.equal(scheduledDelayMs({ ...STANDARD, maxAttempts: 1 }, 1), null);
    assert.equal(scheduledDelayMs({ scheduleMs: [], maxAttempts: null }, 1), null);
  });
});

describe('jitter', () => {
  test('runs from 20 % less to 20 % more, and leaves the middle alone', () => {
    assert.deepEqual([0, 0.5, 1].map((random) => jittered(10_000, random)), [8_000, 10_000, 12_000]);
  });

  test('stays within ±20 % of any delay, to the millisecond it is rounded to', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(fc.property(fc.integer({ min: 1, max: 7 * 86_400_000 }), random, (delayMs, at) => {
      const spread = jittered(delayMs, at);
      assert.ok(Number.isInteger(spread));
      assert.ok(Math.abs(spread - delayMs) <= delayMs * JITTER + 0.5, `expected ${delayMs} ±20 %, got ${spread}`);
    }));
  });

  test('spreads: different random numbers give different delays', () => {
    assert.equal(new Set([0, 0.2, 0.4, 0.6, 0.8].map((random) => jittered(300_000, random))).size, 5);
  });
});

describe('Retry-After', () => {
  const cases: readonly (readonly [header: string | null, expectedMs: number | null, why: string])[] = [
    [null, null, 'absent'],
    ['', null, 'empty'],
    ['1', 1_000, 'whole seconds'],
    ['120', 120_000, 'whole seconds, not the year 120'],
    ['0', null, 'no wait is no wish'],
    ['0007', 7_000, 'leading zeros'],
    ['86400', RETRY_AFTER_MAX_MS, 'exactly a day'],
    ['86401', RETRY_AFTER_MAX_MS, 'more than a day is cut to a day'],
    ['9999999999', RETRY_AFTER_MAX_MS, 'centuries'],
    ['99999999999', null, 'a number too long to mean seconds'],
    ['-5', null, 'negative'],
    ['1.5', null, 'a fraction'],
    ['1e3', null, 'an exponent'],
    ['0x10', null, 'hexadecimal'],
    ['soon', null, 'a word'],
    ['Infinity', null, 'a word that Number() reads'],
    ['Thu, 01 Jan 2026 00:02:00 GMT', 120_000, 'an IMF-fixdate'],
    ['Thu, 01 Jan 2026 00:00:00 GMT', null, 'the present'],
    ['Wed, 31 Dec 2025 23:59:59 GMT', null, 'the past'],
    ['Fri, 01 Jan 2027 00:00:00 GMT', RETRY_AFTER_MAX_MS, 'a year away is cut to a day'],
    ['Thu, 99 Jan 2026 00:02:00 GMT', null, 'a day that does not exist'],
    ['2026-01-01T00:02:00Z', null, 'an ISO date, which HTTP does not use'],
  ];
  for (const [header, expectedMs, why] of cases) {
    test(`reads ${JSON.stringify(header)} as ${expectedMs === null ? 'nothing' : `${expectedMs} ms`}: ${why}`, () => {
      assert.equal(retryAfterMs(header, NOW_MS), expectedMs);
    });
  }

  test('never throws and stays above 0 and within 24 h, whatever a receiver sends', () => {
    const date = fc.date({ min: new Date(NOW_MS - 1e12), max: new Date(NOW_MS + 1e12), noInvalidDate: true }).map((at) => at.toUTCString());
    const header = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.nat().map(String), fc.bigInt().map(String), date, fc.constant(null));
    fc.assert(fc.property(header, fc.integer({ min: 0, max: 4e12 }), (text, nowMs) => {
      const waitMs = retryAfterMs(text, nowMs);
      assert.ok(waitMs === null || (waitMs > 0 && waitMs <= RETRY_AFTER_MAX_MS), `got ${String(waitMs)}`);
    }), { numRuns: 1_000 });
  });

  test('honours a date to the second', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 86_400 }), (seconds) => {
      assert.equal(retryAfterMs(new Date(NOW_MS + seconds * 1_000).toUTCString(), NOW_MS), seconds * 1_000);
    }));
  });
});
