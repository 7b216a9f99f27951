/** Patience with a database: as long as it helps, and no longer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whilePassing } from '../../src/store/while-passing.ts';
import { FakeClock } from '../support/fake-clock.ts';

const passing = new Error('passes');
const lasting = new Error('lasts');
const passes = (error: unknown): boolean => error === passing;

test('a fault that passes is waited out, with growing pauses', async () => {
  const clock = new FakeClock();
  const triedAt: number[] = [];
  const done = whilePassing(() => {
    triedAt.push(clock.monotonic());
    return triedAt.length < 8 ? Promise.reject(passing) : Promise.resolve('there');
  }, passes, { clock });
  await clock.advance(10_000);
  assert.equal(await done, 'there');
  assert.deepEqual(triedAt.slice(1).map((at, index) => at - (triedAt[index] ?? 0)), [25, 50, 100, 200, 400, 800, 1_000]);
});

test('one that lasts is thrown at once', async () => {
  let tries = 0;
  await assert.rejects(whilePassing(() => Promise.reject((tries += 1, lasting)), passes, { clock: new FakeClock() }), lasting);
  assert.equal(tries, 1);
});

test('patience ends after 30 s, with the fault itself', async () => {
  const clock = new FakeClock();
  const done = assert.rejects(whilePassing(() => Promise.reject(passing), passes, { clock }), passing);
  await clock.advance(32_000);
  await done;
  assert.equal(clock.sleeping, 0);
});

test('an abort ends it in the middle of a pause', async () => {
  const clock = new FakeClock();
  const giveUp = new AbortController();
  const done = assert.rejects(whilePassing(() => Promise.reject(passing), passes, { clock, signal: giveUp.signal }), passing);
  await clock.advance(5_000);
  giveUp.abort();
  await done;
  assert.equal(clock.sleeping, 0);
});
