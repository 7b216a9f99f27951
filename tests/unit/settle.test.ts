/**
 * The order and the meaning of settling. What the database answers is given by name in place of its statements (`persist` is
 * where both meet), so nothing here pretends to be MongoDB; the statements themselves are shown by the flow tests.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { recordAttempt, type Attempt } from '../../src/domain/attempt.ts';
import type { Delivery, DeliveryClaim } from '../../src/domain/delivery.ts';
import { createSettler, type SettleResult } from '../../src/delivery/settle.ts';
import type { Batcher } from '../../src/runtime/batcher.ts';
import type { Persist } from '../../src/runtime/persist.ts';
import type { SettledState, Settlement } from '../../src/store/deliveries.ts';
import type { Store } from '../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { jobOf } from './delivery-parts.ts';

const AT = new Date(Date.UTC(2026, 0, 1));
const delivered: SettledState = { state: 'delivered', at: AT };
const waiting = (afterMs: number): SettledState => ({ state: 'waiting', wakeAt: new Date(AT.getTime() + afterMs) });

const attempt = (number: number, quickRetry = 0): Attempt => recordAttempt({ number, quickRetry, at: AT, durationMs: 5 }, { kind: 'answered', status: 200, retryAfter: null, excerpt: '' });
const first = (number: number, to: SettledState = delivered): Settlement => ({ claim: jobOf(number).claim, attempts: [attempt(1)], to });
const open = (number: number, to: SettledState = delivered, claim: Partial<DeliveryClaim> = {}): Settlement => ({ claim: jobOf(number, { claim: { stored: true, attemptCount: 1, ...claim } }).claim, attempts: [attempt(2)], to });

/** What is stored of a settlement's delivery, with these attempts. */
const stored = ({ claim: { id, eventId, targetId } }: Settlement, ...attempts: readonly Attempt[]): Delivery => ({ id, eventId, targetId, generation: 0, attemptCount: attempts.length, attempts, state: 'delivered', settledAt: AT });

interface World {
  readonly settler: Batcher<Settlement, SettleResult>;
  readonly writes: string[];
  readonly timers: number[];
  readonly clock: FakeClock;
}

/** A database that answers its statements in the order they come, by their names. */
function world(answers: Readonly<Record<string, readonly unknown[]>> = {}): World {
  const [writes, timers]: [string[], number[]] = [[], []];
  const script = new Map(Object.entries(answers).map(([name, list]) => [name, [...list]]));
  const persist: Persist = <Result>(name: string) => {
    writes.push(name);
    const answer = script.get(name)?.shift() ?? (name === 'results' ? true : []);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as Result);
  };
  const onTimer = (dueAt: Date): void => {
    writes.push('timer told');
    timers.push(dueAt.getTime() - AT.getTime());
  };
  const clock = new FakeClock();
  return { writes, timers, clock, settler: createSettler({ store: {} as Store, clock, persist, slots: 300, onTimer }) };
}

const settleAll = ({ settler }: World, ...settlements: readonly Settlement[]): Promise<readonly SettleResult[]> => Promise.all(settlements.map((settlement) => settler.add(settlement)));

describe('settling', () => {
  test('a first result is one insert and nothing else', async () => {
    const here = world();
    assert.deepEqual(await settleAll(here, first(1)), ['written']);
    assert.deepEqual(here.writes, ['first results']);
  });

  test('a result of a delivery that has a document is one guarded update', async () => {
    const here = world();
    assert.deepEqual(await settleAll(here, open(1)), ['written']);
    assert.deepEqual(here.writes, ['results']);
  });

  test('what waits has its timer written, and told, before its result', async () => {
    const here = world();
    assert.deepEqual(await settleAll(here, first(1, waiting(5_000))), ['written']);
    assert.deepEqual([here.writes, here.timers], [['timers', 'timer told', 'first results'], [5_000]]);
  });

  test('a timer that cannot be written leaves the result unwritten: it is still owed', async () => {
    const here = world({ timers: [new Error('gave up')] });
    await assert.rejects(settleAll(here, first(1, waiting(5_000))), /gave up/);
    assert.deepEqual(here.writes, ['timers']);
  });

  test('an insert that finds a document goes on as an update', async () => {
    const here = world({ 'first results': [[0]], results: [true] });
    assert.deepEqual(await settleAll(here, first(1)), ['written']);
    assert.deepEqual(here.writes, ['first results', 'results']);
  });

  test('an update that matches nothing is late', async () => {
    const mine = open(1);
    for (const found of [[stored(mine, attempt(1))], [stored(mine)], []]) {
      const here = world({ results: [false], 'results read back': [found] });
      assert.deepEqual(await settleAll(here, mine), ['late']);
    }
  });

  test('an update that finds its own write, told of twice by a cut connection, is written', async () => {
    const mine = open(1);
    const here = world({ results: [false], 'results read back': [[stored(mine, attempt(1), attempt(2))]] });
    assert.deepEqual(await settleAll(here, mine), ['written']);
  });

  test('another holder’s attempt of the same number is not taken for our own', async () => {
    const mine = open(1);
    const theirs: Attempt = { ...attempt(2), at: new Date(AT.getTime() + 1) };
    const here = world({ results: [false], 'results read back': [[stored(mine, theirs), stored(open(2), attempt(2))]] });
    assert.deepEqual(await settleAll(here, mine), ['late']);
  });

  test('a batch tells each item its own fate: new, in place of a parked one, stored, and late', async () => {
    const here = world({ 'first results': [[], [0]], results: [false, true], 'results read back': [[]] });
    // The first is written alone; the others gather behind it, until it is time for another write.
    const fates = settleAll(here, first(1), first(2), first(3), open(4));
    await here.clock.advance(20);
    assert.deepEqual(await fates, ['written', 'written', 'written', 'late']);
    assert.equal(here.writes.filter((name) => name === 'first results').length, 2);
  });
});
