/** Group commit: alone an item waits for nothing, under load many share a write, and each hears of its own fate. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Batcher, type Spacing } from '../../src/runtime/batcher.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { deferred, range, type Deferred } from './delivery-parts.ts';

interface World {
  readonly batcher: Batcher<number, string>;
  /** Every write so far, oldest first; the test ends each. */
  readonly writes: { readonly items: readonly number[]; readonly end: Deferred<readonly string[]> }[];
  readonly finish: (write: number) => Promise<void>;
}

function world(options: { readonly maxItems?: number; readonly lanes?: number; readonly spacing?: Spacing } = {}): World {
  const writes: World['writes'] = [];
  const write = (items: readonly number[]): Promise<readonly string[]> => {
    const end = deferred<readonly string[]>();
    writes.push({ items, end });
    return end.promise;
  };
  const batcher = new Batcher({ write, maxItems: 100, ...options });
  const finish = async (index: number): Promise<void> => {
    writes[index]?.end.resolve(writes[index].items.map((item) => `result of ${item}`));
    await settled();
  };
  return { batcher, writes, finish };
}

describe('a batcher', () => {
  test('writes a lone item at once', () => {
    const { batcher, writes } = world();
    void batcher.add(1);
    assert.deepEqual(writes.map(({ items }) => items), [[1]]);
  });

  test('gathers what comes while a write is under way, and takes all of it in the next', async () => {
    const { batcher, writes, finish } = world();
    const results = Promise.all([1, 2, 3, 4].map((item) => batcher.add(item)));
    assert.deepEqual([writes.length, batcher.waiting], [1, 3]);
    await finish(0);
    assert.deepEqual(writes[1]?.items, [2, 3, 4]);
    await finish(1);
    assert.deepEqual(await results, [1, 2, 3, 4].map((item) => `result of ${item}`));
  });

  test('never writes more than so many items at once, and never more writes than it has lanes', async () => {
    const { batcher, writes, finish } = world({ maxItems: 2, lanes: 2 });
    for (const item of range(9)) void batcher.add(item);
    assert.deepEqual(writes.map(({ items }) => items), [[0], [1]]);
    await finish(1);
    assert.deepEqual(writes.map(({ items }) => items), [[0], [1], [2, 3]]);
    await finish(0);
    assert.deepEqual([writes.at(-1)?.items, batcher.waiting], [[4, 5], 3]);
  });

  test('rejects every item of a failed write and no other, and goes on', async () => {
    const { batcher, writes, finish } = world();
    const fates = [1, 2, 3].map((item) => batcher.add(item));
    await finish(0);
    writes[1]?.end.reject(new Error('no primary'));
    await assert.rejects(fates[1] ?? assert.fail(), /no primary/);
    await assert.rejects(fates[2] ?? assert.fail(), /no primary/);
    assert.equal(await fates[0], 'result of 1');
    const later = batcher.add(4);
    await finish(2);
    assert.equal(await later, 'result of 4');
  });

  test('rejects the items of a write that throws before it has returned a promise', async () => {
    const batcher = new Batcher({ maxItems: 1, write: () => { throw new Error('at once'); } });
    await assert.rejects(batcher.add(1), /at once/);
    await batcher.idle();
  });

  test('never gives an item another one’s result: a write with too few answers is a fault of all', async () => {
    const { batcher, writes } = world();
    const lone = batcher.add(1);
    writes[0]?.end.resolve([]);
    await assert.rejects(lone, /Expected 1 results of a batch, got 0/);
  });

  test('takes out of the waiting ones those that are picked; what is being written stays', async () => {
    const { batcher, writes, finish } = world();
    const fates = [1, 2, 3, 4].map((item) => batcher.add(item));
    const gone = Promise.allSettled([fates[1], fates[3]]);
    batcher.rejectWaiting((item) => item % 2 === 0 || item === 1, new Error('too late'));
    assert.deepEqual((await gone).map(({ status }) => status), ['rejected', 'rejected']);
    await finish(0);
    assert.deepEqual(writes[1]?.items, [3]);
    assert.equal(await fates[0], 'result of 1');
  });

  test('is idle once nothing waits and nothing is being written, failed writes included', async () => {
    const { batcher, writes, finish } = world();
    await batcher.idle();
    const fates = [1, 2].map((item) => batcher.add(item).catch(() => 'failed'));
    let idle = false;
    void batcher.idle().then(() => (idle = true));
    await finish(0);
    assert.equal(idle, false);
    writes[1]?.end.reject(new Error('no primary'));
    await settled();
    assert.deepEqual([idle, await fates[1]], [true, 'failed']);
  });
});

test('every item is written exactly once, in order, and hears its own result, whatever the timing', async () => {
  const options = fc.record({ maxItems: fc.integer({ min: 1, max: 5 }), lanes: fc.integer({ min: 1, max: 3 }) });
  const steps = fc.array(fc.oneof(fc.constant('add' as const), fc.nat(5)), { maxLength: 40 });
  await fc.assert(fc.asyncProperty(options, steps, async ({ maxItems, lanes }, history) => {
    const { batcher, writes, finish } = world({ maxItems, lanes });
    const fates: Promise<string>[] = [];
    const ended = new Set<number>();
    const endOne = async (pick: number): Promise<void> => {
      const open = writes.map((_, index) => index).filter((index) => !ended.has(index));
      assert.ok(open.length <= lanes);
      const index = open[pick % Math.max(open.length, 1)];
      if (index === undefined) return;
      ended.add(index);
      await finish(index);
    };
    for (const step of history) {
      if (step === 'add') fates.push(batcher.add(fates.length));
      else await endOne(step);
    }
    while (ended.size < writes.length) await endOne(0);
    assert.deepEqual(writes.flatMap(({ items }) => items), range(fates.length));
    assert.ok(writes.every(({ items }) => items.length > 0 && items.length <= maxItems));
    assert.deepEqual(await Promise.all(fates), range(fates.length).map((item) => `result of ${item}`));
    await batcher.idle();
  }), { numRuns: 60 });
});

describe('spaced writes', () => {
  const spaced = (enough = 100): World & { readonly clock: FakeClock } => {
    const clock = new FakeClock();
    return { ...world({ spacing: { clock, ms: () => 10, enough } }), clock };
  };

  test('begin no sooner after each other than that, though nothing is being written', async () => {
    const { batcher, writes, finish, clock } = spaced();
    for (const item of [1, 2, 3]) void batcher.add(item);
    await finish(0);
    await clock.advance(9);
    assert.deepEqual(writes.map(({ items }) => items), [[1]]);
    await clock.advance(1);
    assert.deepEqual(writes.map(({ items }) => items), [[1], [2, 3]]);
  });

  test('wait for nothing after a pause', async () => {
    const { batcher, writes, finish, clock } = spaced();
    void batcher.add(1);
    await finish(0);
    await clock.advance(10);
    void batcher.add(2);
    assert.deepEqual(writes.map(({ items }) => items), [[1], [2]]);
    await finish(1);
    assert.equal(clock.sleeping, 0);
  });

  test('begin at once when enough wait', async () => {
    const { batcher, writes, finish } = spaced(3);
    for (const item of [1, 2, 3]) void batcher.add(item);
    await finish(0);
    assert.equal(writes.length, 1);
    void batcher.add(4);
    assert.deepEqual(writes.map(({ items }) => items), [[1], [2, 3, 4]]);
  });

  test('begin beside one that is slow, and at most so many at once', async () => {
    const clock = new FakeClock();
    const { batcher, writes, finish } = world({ lanes: 2, spacing: { clock, ms: () => 10, besideMs: () => 30, enough: 2 } });
    for (const item of [1, 2, 3]) void batcher.add(item);
    await clock.advance(29);
    assert.deepEqual(writes.map(({ items }) => items), [[1]]);
    await clock.advance(1);
    void batcher.add(4);
    await clock.advance(60);
    assert.deepEqual(writes.map(({ items }) => items), [[1], [2, 3]]);
    await finish(0);
    assert.deepEqual(writes.map(({ items }) => items), [[1], [2, 3], [4]]);
  });

  test('begin as soon as they may when the one beside them ends sooner', async () => {
    const clock = new FakeClock();
    const { batcher, writes, finish } = world({ lanes: 2, spacing: { clock, ms: () => 10, besideMs: () => 30, enough: 9 } });
    for (const item of [1, 2]) void batcher.add(item);
    await clock.advance(5);
    await finish(0);
    assert.equal(writes.length, 1);
    await clock.advance(5);
    assert.deepEqual(writes.map(({ items }) => items), [[1], [2]]);
    await finish(1);
    await clock.advance(20);
    assert.deepEqual([writes.length, clock.sleeping], [2, 0]);
  });

  test('begin the sooner, the fewer items the one before them had', async () => {
    const clock = new FakeClock();
    const { batcher, writes, finish } = world({ spacing: { clock, ms: (count) => Math.min(2 * count, 10), enough: 100 } });
    void batcher.add(1);
    await finish(0);
    for (const item of [2, 3, 4]) void batcher.add(item);
    await clock.advance(2);
    assert.deepEqual(writes.map(({ items }) => items), [[1], [2, 3, 4]]);
    await finish(1);
    void batcher.add(5);
    await clock.advance(5);
    assert.equal(writes.length, 2);
    await clock.advance(1);
    assert.deepEqual(writes.map(({ items }) => items), [[1], [2, 3, 4], [5]]);
  });

  test('leave nothing behind when it is idle', async () => {
    const { batcher, finish, clock } = spaced();
    for (const item of [1, 2]) void batcher.add(item);
    let isIdle = false;
    void batcher.idle().then(() => (isIdle = true));
    await finish(0);
    assert.equal(isIdle, false);
    await clock.advance(10);
    await finish(1);
    assert.deepEqual([isIdle, clock.sleeping], [true, 0]);
  });
});
