/** The slots of one processor: never more than there are, a fair part of them to each lane, and every wait ends. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Slots } from '../../src/delivery/slots.ts';
import { settled } from '../support/fake-clock.ts';
import { range } from './delivery-parts.ts';

interface Grant {
  readonly lane: string;
  readonly release: () => void;
}

/** Slots with a list of those granted, in order. */
class Watched {
  readonly slots: Slots;
  readonly held: Grant[] = [];
  readonly granted: string[] = [];
  waiting = 0;

  constructor(total: number) {
    this.slots = new Slots(total);
  }

  ask(lane: string): void {
    this.waiting += 1;
    void this.slots.acquire(lane).then((release) => {
      this.waiting -= 1;
      this.granted.push(lane);
      this.held.push({ lane, release });
    });
  }

  giveBack(index: number): void {
    for (const { release } of this.held.splice(index, 1)) release();
  }

  heldBy(lane: string): number {
    return this.held.filter((grant) => grant.lane === lane).length;
  }
}

/** So many lanes whose receivers all hang, each asking again and again, by turns. */
async function hanging(lanes: number, total: number): Promise<Watched> {
  const watched = new Watched(total);
  for (const turn of range(total * lanes)) watched.ask(`lane-${turn % lanes}`);
  await settled();
  return watched;
}

describe('the share of a lane', () => {
  const table: readonly (readonly [lanes: number, each: readonly number[], left: number])[] = [
    [1, [150], 50],
    [2, [86, 86], 28],
    [5, [38, 38, 38, 37, 37], 12],
    [20, [...range(17).map(() => 10), 9, 9, 9], 3],
  ];
  for (const [lanes, each, left] of table) {
    test(`of ${lanes} hanging, with 200 slots: ${Math.min(...each)} or so each, and ${left} left for the others`, async () => {
      const watched = await hanging(lanes, 200);
      assert.deepEqual(range(lanes).map((lane) => watched.heldBy(`lane-${lane}`)), each);
      assert.equal(200 - watched.slots.inUse, left);
      watched.ask('healthy');
      await settled();
      assert.equal(watched.heldBy('healthy'), 1);
    });
  }

  test('is all but one of a few, so that a small processor works as well', async () => {
    for (const [total, held] of [[1, 1], [2, 2], [3, 3], [4, 3], [10, 8]] as const) {
      assert.equal((await hanging(1, total)).slots.inUse, held, `of ${total}`);
    }
  });
});

describe('waiting for a slot', () => {
  test('is first come, first served', async () => {
    const watched = new Watched(1);
    for (const lane of ['a', 'b', 'c']) watched.ask(lane);
    await settled();
    watched.giveBack(0);
    await settled();
    watched.giveBack(0);
    await settled();
    assert.deepEqual(watched.granted, ['a', 'b', 'c']);
  });

  test('does not stand behind a lane that has had its share', async () => {
    const watched = new Watched(8);
    range(8).forEach(() => watched.ask('hanging'));
    await settled();
    assert.deepEqual([watched.heldBy('hanging'), watched.waiting], [6, 2]);
    watched.ask('healthy');
    await settled();
    assert.deepEqual([watched.heldBy('healthy'), watched.waiting], [1, 2]);
    watched.giveBack(6);
    await settled();
    assert.deepEqual([watched.heldBy('hanging'), watched.waiting], [6, 2], 'a slot that comes back is not for a lane that has had its share');
  });
});

type Step = { readonly ask: number } | { readonly giveBack: number };

/** What the header promises, written down as plainly as can be. */
function checkRules(watched: Watched, total: number, before: ReadonlyMap<string, number>): void {
  const free = total - watched.slots.inUse;
  assert.ok(free >= 0, 'more slots in use than there are');
  assert.equal(watched.held.length, watched.slots.inUse);
  for (const [lane, count] of before) {
    const now = watched.heldBy(lane);
    // A lane grew only as far as its share allowed just before its last slot.
    if (now > count) assert.ok(now - 1 < Math.max(1, 3 * (free + 1)), `${lane} has ${now} with ${free} free`);
  }
}

test('slots keep their rules through any history, and once all give back every wait has ended', async () => {
  const step: fc.Arbitrary<Step> = fc.oneof({ weight: 3, arbitrary: fc.record({ ask: fc.nat(4) }) }, { weight: 2, arbitrary: fc.record({ giveBack: fc.nat(50) }) });
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 60 }), async (total, steps) => {
    const watched = new Watched(total);
    for (const next of steps) {
      const before = new Map(range(5).map((lane) => [`lane-${lane}`, watched.heldBy(`lane-${lane}`)]));
      if ('ask' in next) watched.ask(`lane-${next.ask}`);
      else if (watched.held.length > 0) watched.giveBack(next.giveBack % watched.held.length);
      await settled();
      if ('ask' in next) checkRules(watched, total, before);
      assert.ok(watched.slots.inUse <= total);
      // Nobody waits who would be let in now.
      if (watched.waiting > 0 && watched.slots.inUse === 0) assert.fail('waits while nothing is in use');
    }
    for (let turn = 0; watched.held.length > 0; turn += 1) {
      assert.ok(turn < 1_000, 'never comes to an end');
      watched.giveBack(0);
      await settled();
    }
    assert.deepEqual([watched.waiting, watched.slots.inUse], [0, 0]);
  }), { numRuns: 150 });
});
