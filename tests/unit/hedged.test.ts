/** A request that hangs is asked again, and none is given up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/runtime/clock.ts';
import { hedged } from '../../src/runtime/hedged.ts';
import { FakeClock } from '../support/fake-clock.ts';

const NEVER = new Promise<string>(() => undefined);

/** Answers the askings in turn, and counts them. */
function asking(...answers: readonly (() => Promise<string>)[]): { readonly ask: () => Promise<string>; readonly count: () => number } {
  let count = 0;
  return { ask: () => (answers[count++] ?? (() => NEVER))(), count: () => count };
}

test('one that is answered is asked once', async () => {
  const clock = new FakeClock();
  const { ask, count } = asking(() => Promise.resolve('first'));
  assert.equal(await hedged(clock, 1, ask), 'first');
  await clock.advance(5);
  assert.equal(count(), 1);
});

test('one that hangs is asked again, and again, until one is answered', async () => {
  const { ask, count } = asking(() => NEVER, () => NEVER, () => Promise.resolve('third'));
  assert.equal(await hedged(systemClock, 1, ask), 'third');
  assert.equal(count(), 3);
});

test('the first counts too when it ends after the second was asked', async () => {
  let answer: (text: string) => void = () => undefined;
  const first = new Promise<string>((resolve) => (answer = resolve));
  const { ask } = asking(() => first, () => (answer('first, late'), NEVER));
  assert.equal(await hedged(systemClock, 1, ask), 'first, late');
});

test('a fault is thrown at once, and ends the asking', async () => {
  const clock = new FakeClock();
  const { ask, count } = asking(() => Promise.reject(new Error('no primary')));
  await assert.rejects(hedged(clock, 1, ask), /no primary/);
  await clock.advance(5);
  assert.equal(count(), 1);
});
