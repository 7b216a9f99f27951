/** The plan of a mixed torture run, and the randomness that a seed repeats. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behaviourOf } from '../../torture/behaviour.ts';
import { FAULTS } from '../../torture/faults.ts';
import { planOf } from '../../torture/plan.ts';
import { between, pick, seededRandom, shareOf } from '../../torture/random.ts';
import { SCENARIOS } from '../../torture/scenarios.ts';
import { LIMITED_RATE, TARGETS, typeOf } from '../../torture/targets.ts';

const NAMES = ['a', 'b', 'c', 'd'];

test('the same seed makes the same plan, and another seed another one', () => {
  assert.deepEqual(planOf(NAMES, 7, 60_000), planOf(NAMES, 7, 60_000));
  assert.notDeepEqual(planOf(NAMES, 7, 60_000), planOf(NAMES, 8, 60_000));
});

test('every fault comes once before any comes twice', () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const order = planOf(NAMES, seed, 60_000).map(({ fault }) => fault);
    for (let at = 0; at + NAMES.length <= order.length; at += NAMES.length) assert.deepEqual(order.slice(at, at + NAMES.length).toSorted(), NAMES, `seed ${seed}`);
  }
});

test('a plan begins after the load has run in, keeps its order and ends in time', () => {
  const steps = planOf(NAMES, 3, 30_000);
  assert.ok(steps.length >= 5, `expected several steps in 30 s, got ${steps.length}`);
  for (const [index, { atMs }] of steps.entries()) assert.ok(atMs >= 3_000 && atMs < 30_000 && atMs > (steps[index - 1]?.atMs ?? 0), `step ${index} at ${atMs}`);
  assert.deepEqual(planOf([], 3, 30_000), []);
});

test('steps have seeds of their own', () => {
  const seeds = planOf(NAMES, 5, 600_000).map(({ seed }) => seed);
  assert.equal(new Set(seeds).size, seeds.length);
});

test('seeded randomness repeats, stays in its range and is even', () => {
  const [one, other] = [seededRandom(1), seededRandom(1)];
  const drawn = Array.from({ length: 10_000 }, one);
  assert.deepEqual(drawn.slice(0, 100), Array.from({ length: 100 }, other));
  assert.ok(drawn.every((value) => value >= 0 && value < 1), 'expected values in [0, 1)');
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const count = drawn.filter((value) => Math.floor(value * 10) === tenth).length;
    assert.ok(count > 850 && count < 1_150, `expected about 1000 in tenth ${tenth}, got ${count}`);
  }
});

test('whole numbers reach both ends of their range, and picking reaches every item', () => {
  const random = seededRandom(9);
  assert.deepEqual([...new Set(Array.from({ length: 200 }, () => between(random, 3, 5)))].sort(), [3, 4, 5]);
  assert.deepEqual([...new Set(Array.from({ length: 200 }, () => pick(random, NAMES)))].sort(), NAMES);
  assert.throws(() => pick(random, []), /got nothing/);
});

test('what becomes of a request depends on the request alone', () => {
  assert.equal(shareOf(1, 'x', 5), shareOf(1, 'x', 5));
  assert.notEqual(shareOf(1, 'x', 5), shareOf(1, 'x', 6));
  const asked = { number: 12, targetId: 'tgt_flaky', attempt: 1 };
  assert.deepEqual(behaviourOf(TARGETS.flaky.temper, 4, asked), behaviourOf(TARGETS.flaky.temper, 4, asked));
});

test('a flaky receiver fails, cuts off and refuses, and gives in after the third attempt unless it refuses', () => {
  const answers = (attempt: number): readonly string[] => Array.from({ length: 2_000 }, (_, number) => {
    const decided = behaviourOf(TARGETS.flaky.temper, 1, { number, targetId: 'tgt_flaky', attempt });
    return decided.kind === 'answer' ? String(decided.status) : decided.kind;
  });
  assert.deepEqual([...new Set(answers(1))].sort(), ['200', '400', '500', 'reset']);
  assert.deepEqual([...new Set(answers(4))].sort(), ['200', '400']);
  assert.deepEqual(answers(1).map((kind) => kind === '400'), answers(9).map((kind) => kind === '400'), 'a refusal is for good');
});

test('the limited target is offered less than its limit at any rate', () => {
  for (const rate of [50, 200, 1_000]) {
    const share = Array.from({ length: 20_000 }, (_, index) => typeOf(index / 20_000, rate)).filter((type) => type === 'limited.tick').length / 20_000;
    assert.ok(share > 0 && share * rate < LIMITED_RATE, `${share * rate} a second at rate ${rate}`);
  }
});

test('faults and scenarios have names of their own, and say what they do and what they may repeat', () => {
  for (const rows of [FAULTS, SCENARIOS]) assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
  for (const { name, summary, duplicates } of FAULTS) assert.ok(summary !== '' && duplicates !== '', name);
  for (const { name, summary } of SCENARIOS) assert.match(name, /^[a-z0-9-]+$/, summary);
});
