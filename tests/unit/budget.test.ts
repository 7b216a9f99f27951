/** How much a lane may hold in memory: five seconds' worth when limited, a part of one budget of bytes when not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { allowanceOf, MemoryBudget, type Allowance } from '../../src/delivery/budget.ts';
import { jobOf, range } from './delivery-parts.ts';

const limited = (ratePerSecond: number): Allowance => allowanceOf({ ratePerSecond, concurrency: 0 }, new MemoryBudget());
const unlimited = (budget: MemoryBudget): Allowance => allowanceOf({ ratePerSecond: 0, concurrency: 0 }, budget);
const KIB = 1_024;

/** Takes until refused; answers how many. */
function fill(allowance: Allowance, bytes = 0): number {
  let taken = 0;
  while (taken < 100_000 && allowance.take(jobOf(taken, { bytes }))) taken += 1;
  return taken;
}

describe('a limited lane', () => {
  for (const [rate, most] of [[3, 15], [50, 250], [2.5, 13], [1, 10], [0.01, 10]] as const) {
    test(`of ${rate} a second holds ${most}`, () => {
      const allowance = limited(rate);
      assert.equal(allowance.room, most);
      assert.equal(fill(allowance), most);
      assert.equal(allowance.room, 0);
    });
  }

  test('is roomy again once half of it is free, so that filling up pays for its read', () => {
    const allowance = limited(2);
    const jobs = range(fill(allowance)).map((number) => jobOf(number));
    const roomy = jobs.map((job) => {
      allowance.giveBack(job);
      return allowance.isRoomy;
    });
    assert.deepEqual(roomy, [false, false, false, false, true, true, true, true, true, true]);
  });
});

describe('lanes without a limit', () => {
  test('pay for each body and a little more, and get all of it back', () => {
    const budget = new MemoryBudget(100 * KIB);
    const allowance = unlimited(budget);
    const jobs = range(5).map((number) => jobOf(number, { bytes: number * 1_000 }));
    for (const job of jobs) assert.equal(allowance.take(job), true);
    assert.equal(budget.leftBytes, 100 * KIB - 5 * KIB - 10_000);
    for (const job of jobs) allowance.giveBack(job);
    assert.equal(budget.leftBytes, 100 * KIB);
  });

  test('hold three quarters at most, so that one that stands still leaves room for others', () => {
    const budget = new MemoryBudget(400 * KIB);
    assert.equal(fill(unlimited(budget)), 300);
    assert.ok(fill(unlimited(budget)) >= 70);
    assert.ok(unlimited(budget).take(jobOf(1)), 'an empty lane still gets one');
  });

  test('have their whole share again once they are empty', () => {
    const allowance = unlimited(new MemoryBudget(400 * KIB));
    for (const round of range(3)) {
      const jobs = range(fill(allowance)).map((number) => jobOf(number));
      assert.equal(jobs.length, 300, `round ${round}`);
      for (const job of jobs) allowance.giveBack(job);
    }
  });

  test('take one job when empty, however large, as long as it fits at all', () => {
    const budget = new MemoryBudget(100 * KIB);
    assert.equal(unlimited(budget).take(jobOf(1, { bytes: 90 * KIB })), true);
    assert.equal(unlimited(budget).take(jobOf(2, { bytes: 9 * KIB })), false);
    assert.equal(unlimited(budget).take(jobOf(3, { bytes: 8 * KIB })), true);
  });

  test('are roomy once empty, even when others hold all the budget', () => {
    const budget = new MemoryBudget(10 * KIB);
    const [crowded, empty] = [unlimited(budget), unlimited(budget)];
    fill(crowded);
    assert.deepEqual([crowded.isRoomy, empty.isRoomy], [false, true]);
  });

  test('never hold more than the budget, together, through any history; and return it whole', () => {
    const step = fc.record({ lane: fc.nat(3), bytes: fc.integer({ min: 0, max: 20 * KIB }), give: fc.boolean() });
    fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const budget = new MemoryBudget(64 * KIB);
      const lanes = range(4).map(() => ({ allowance: unlimited(budget), held: [] as ReturnType<typeof jobOf>[] }));
      for (const { lane, bytes, give } of steps) {
        const { allowance, held } = lanes[lane] ?? assert.fail();
        const oldest = give ? held.shift() : undefined;
        const job = jobOf(0, { bytes });
        if (oldest !== undefined) allowance.giveBack(oldest);
        else if (allowance.take(job)) held.push(job);
        assert.ok(budget.leftBytes >= 0);
        assert.ok(allowance.room >= 0);
      }
      for (const { allowance, held } of lanes) for (const job of held) allowance.giveBack(job);
      assert.equal(budget.leftBytes, 64 * KIB);
    }));
  });
});
