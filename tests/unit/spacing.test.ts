/** The rate limit's last look: whatever the arrivals and however early or late timers fire, no second holds too many starts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { paceOf, type Pace } from '../../src/delivery/pacer.ts';
import { Spacing } from '../../src/delivery/spacing.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

const never = new AbortController().signal;
const paceAt = (ratePerSecond: number): Pace => paceOf({ ratePerSecond, concurrency: 0 });

/** A clock whose timers are off by the next of these figures; like real ones, they never take less than a moment. */
function sloppy(clock: FakeClock, offByMs: readonly number[]): Clock {
  let next = 0;
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms, act) => clock.after(ms, act),
    sleep(ms, signal) {
      const off = offByMs[next % offByMs.length] ?? 0;
      next += 1;
      return clock.sleep(Math.max(ms + off, 0.5), signal);
    },
  };
}

/** Walks the arrivals through one spacing, one after the other as the lane's pump does; answers when each one started. */
async function startsOf(ratePerSecond: number, pausesMs: readonly number[], offByMs: readonly number[]): Promise<readonly number[]> {
  const clock = new FakeClock();
  const spacing = new Spacing(sloppy(clock, offByMs), paceAt(ratePerSecond));
  const starts: number[] = [];
  const walk = async (): Promise<void> => {
    for (const pauseMs of pausesMs) {
      if (pauseMs > 0) await clock.sleep(pauseMs);
      await spacing.wait(never);
      starts.push(clock.monotonic());
      spacing.noteStart();
    }
  };
  const done = walk();
  while (starts.length < pausesMs.length) await clock.advance(60_000);
  await done;
  return starts;
}

/** The most starts that any window of one second holds. */
const mostInASecond = (starts: readonly number[]): number => Math.max(0, ...starts.map((from) => starts.filter((at) => at >= from && at < from + 1_000).length));

describe('the spacing of a limited lane', () => {
  test('lets no second hold more starts than the rate, for any arrivals and any lateness of timers', async () => {
    const rate = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.double({ min: 0.05, max: 40, noNaN: true }));
    const pauses = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 })), { minLength: 1, maxLength: 30 });
    const lateness = fc.array(fc.double({ min: -20, max: 800, noNaN: true }), { minLength: 1, maxLength: 8 });
    await fc.assert(fc.asyncProperty(rate, pauses, lateness, async (ratePerSecond, pausesMs, offByMs) => {
      const most = mostInASecond(await startsOf(ratePerSecond, pausesMs, offByMs));
      // Of 2.5 a second, two windows in three hold three: no spacing can do better.
      assert.ok(most <= Math.ceil(ratePerSecond), `${most} starts in one second at ${ratePerSecond}/s`);
    }), { numRuns: 60 });
  });

  test('nor of many a second, which catch up with what late timers cost them', async () => {
    const rate = fc.oneof(fc.integer({ min: 51, max: 400 }), fc.double({ min: 51, max: 400, noNaN: true }));
    const pauses = fc.array(fc.integer({ min: 1, max: 1_500 }), { minLength: 0, maxLength: 4 });
    const lateness = fc.array(fc.oneof(fc.double({ min: -2, max: 3, noNaN: true }), fc.double({ min: 0, max: 300, noNaN: true })), { minLength: 1, maxLength: 8 });
    await fc.assert(fc.asyncProperty(rate, pauses, lateness, async (ratePerSecond, pausesMs, offByMs) => {
      const arrivals = [0, ...pausesMs].flatMap((pauseMs) => [pauseMs, ...Array.from({ length: 300 }, () => 0)]);
      const most = mostInASecond(await startsOf(ratePerSecond, arrivals, offByMs));
      assert.ok(most <= Math.ceil(ratePerSecond), `${most} starts in one second at ${ratePerSecond}/s`);
    }), { numRuns: 20 });
  });

  test('of many a second comes to 97 % of the rate, though every timer is late by a millisecond and more', async () => {
    for (const rate of [60, 300, 1_000]) {
      const starts = await startsOf(rate, Array.from({ length: 2 * rate + 1 }, () => 0), [0.6, 1.4, 1.1]);
      const perSecond = (2 * rate * 1_000) / ((starts.at(-1) ?? NaN) - (starts[0] ?? NaN));
      assert.ok(perSecond >= 0.965 * rate, `${perSecond} starts a second at ${rate}/s`);
    }
  });

  test('wastes nothing beyond its two percent when timers are exact', async () => {
    const starts = await startsOf(3, Array.from({ length: 10 }, () => 0), [0]);
    assert.deepEqual(starts.map((at) => at - 1_000), Array.from({ length: 10 }, (_, index) => 340 * (index + 1)));
  });

  test('is kept when every timer fires a little early', async () => {
    const starts = await startsOf(3, [0, 0, 0, 0, 0, 0], [-15]);
    const gaps = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
    assert.ok(Math.min(...gaps) >= 340, `got ${Math.min(...gaps)} ms`);
  });

  test('does not save up: a long silence earns no burst', async () => {
    const starts = await startsOf(2, [60_000, 0, 0], [0]);
    assert.deepEqual(starts.map((at) => at - (starts[0] ?? 0)), [0, 510, 1_020]);
  });

  test('of a new lane waits one interval first: the last owner may have started a send just now', async () => {
    assert.deepEqual(await startsOf(1, [0], [0]), [1_000 + 1_020]);
  });

  test('ends its wait at once when the lane is drained', async () => {
    const clock = new FakeClock();
    const draining = new AbortController();
    let ended = false;
    void new Spacing(clock, { everyMs: 60_000, catchUpMs: 0 }).wait(draining.signal).then(() => (ended = true));
    await settled();
    assert.equal(ended, false);
    draining.abort();
    await settled();
    assert.deepEqual([ended, clock.sleeping], [true, 0]);
  });

  test('without a rate waits for nothing', async () => {
    const clock = new FakeClock();
    await new Spacing(clock, paceAt(0)).wait(never);
    assert.equal(clock.sleeping, 0);
  });
});

describe('the interval for a rate', () => {
  test('fits no more than a whole rate into a second, both its ends included, though all be caught up with', () => {
    for (let rate = 1; rate <= 1_000; rate += 1) {
      const { everyMs, catchUpMs } = paceAt(rate);
      const fitting = Math.floor((1_000 + catchUpMs) / everyMs) + 1;
      assert.ok(fitting <= Math.max(rate, 1), `${fitting} starts at ${rate}/s`);
    }
  });

  test('is never shorter than the rate says, and longer by two percent and a millisecond, or by three percent', () => {
    fc.assert(fc.property(fc.double({ min: 0.001, max: 1_000, noNaN: true }), (rate) => {
      const { everyMs } = paceAt(rate);
      assert.ok(everyMs > 1_000 / rate && everyMs <= (rate <= 50 ? 1_020 / rate + 1 : 1_030.001 / rate), `${everyMs} ms at ${rate}/s`);
    }));
  });
});
