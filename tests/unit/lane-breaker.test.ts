/** A lane while its breaker is open, half-open and closing, and how it shares its turns between fresh deliveries and retries. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TurnQueue } from '../../src/delivery/turn-queue.ts';
import { idOf, jobOf, range } from './delivery-parts.ts';
import { LIMITED, UNLIMITED, world, type World } from './lane-world.ts';

const A_WHILE_MS = 80;
const BROKEN_MS = 60;

/** Offers retries. */
const offerRetries = ({ lane }: World, ...numbers: readonly number[]): readonly string[] => numbers.map((number) => lane.offer(jobOf(number, { claim: { attemptCount: 1, stored: true } })));

for (const kind of [LIMITED, UNLIMITED]) {
  describe(`a broken lane, ${kind.name}`, () => {
    test('lets go of what waits, takes nothing, has no room, and starts nothing', async () => {
      const { lane, offer, starts, dropped, finish, untilLength, pass } = world(kind, { concurrency: 1, endless: true });
      offer(1, 2, 3);
      await untilLength(starts, 1);
      lane.breakFor(BROKEN_MS);
      await pass(0);
      assert.deepEqual([dropped, lane.size, lane.room, lane.isShut], [[2, 3].map(idOf), 1, 0, true]);
      assert.deepEqual(offer(4), ['full']);
      finish();
      await pass(A_WHILE_MS);
      assert.equal(starts.length, 1);
    });

    test('asks for one job when its time is over, sends exactly that, and takes no other until it is known what came of it', async () => {
      const { lane, offer, starts, rooms, finish, untilLength, pass } = world(kind, { concurrency: 5, endless: true });
      lane.breakFor(BROKEN_MS);
      await untilLength(rooms, 1);
      assert.equal(lane.room, 1);
      offer(1, 2, 3);
      await untilLength(starts, 1);
      assert.deepEqual([lane.has(idOf(1)), lane.has(idOf(2)), lane.room], [true, false, 0]);
      finish();
      await pass(A_WHILE_MS);
      assert.deepEqual([starts.map(({ isProbe }) => isProbe), offer(4)], [[true], ['full']]);
    });

    test('sends another probe when nothing came of the first, and one after each opening', async () => {
      const { lane, offer, starts, rooms, finish, untilLength } = world(kind, { endless: true });
      lane.breakFor(0);
      offer(1);
      await untilLength(starts, 1);
      finish();
      lane.probeAgain();
      offer(2);
      await untilLength(starts, 2);
      finish();
      const before = rooms.length;
      lane.breakFor(BROKEN_MS);
      await untilLength(rooms, before + 1);
      offer(3, 4);
      await untilLength(starts, 3);
      assert.deepEqual(starts.map(({ isProbe }) => isProbe), [true, true, true]);
    });

    test('mended, goes on with as many at once as it is allowed, and then with all it has places for', async () => {
      const { lane, offer, starts, finish, running, untilLength, pass } = world(kind, { concurrency: 4, endless: true });
      lane.breakFor(0);
      offer(1);
      await untilLength(starts, 1);
      finish();
      lane.mend(1);
      offer(...range(9).map((number) => number + 2));
      await untilLength(starts, 2);
      await pass(A_WHILE_MS);
      assert.deepEqual([starts.length, running()], [2, 1]);
      lane.mend(2);
      await untilLength(starts, 3);
      await pass(A_WHILE_MS);
      assert.equal(running(), 2);
      lane.mend(null);
      await untilLength(starts, 5);
      await pass(A_WHILE_MS);
      assert.deepEqual([running(), starts.filter(({ isProbe }) => isProbe).length], [4, 1]);
    });

    test('does not send its probe through a Retry-After', async () => {
      const { lane, offer, starts, clock, rooms, untilLength } = world(kind);
      const heldAtMs = clock.monotonic();
      lane.breakFor(10);
      lane.hold(BROKEN_MS);
      await untilLength(rooms, 1);
      offer(1);
      await untilLength(starts, 1);
      assert.ok((starts[0]?.atMs ?? 0) - heldAtMs >= BROKEN_MS);
    });
  });
}

describe('a lane that is poked after its target was switched on', () => {
  test('asks for work although it never refused any: what it is owed waits in the database', () => {
    const { lane, rooms, may } = world(UNLIMITED);
    may.isActive = false;
    lane.poke();
    assert.equal(rooms.length, 0);
    may.isActive = true;
    lane.poke();
    lane.poke();
    assert.equal(rooms.length, 1);
  });
});

describe('turns', () => {
  for (const [first, second] of [['retries', 'fresh'], ['fresh', 'retries']] as const) {
    test(`go every second time to ${second} deliveries, however many ${first} came before them`, async () => {
      const it = world(UNLIMITED, { concurrency: 1, endless: true });
      const [early, late] = [range(7).map((number) => number + 1), range(4).map((number) => number + 11)];
      if (first === 'retries') offerRetries(it, ...early);
      else it.offer(...early);
      if (first === 'retries') it.offer(...late);
      else offerRetries(it, ...late);
      for (const done of range(11)) {
        await it.untilLength(it.starts, done + 1);
        it.finish();
      }
      const kinds = it.starts.slice(1, 9).map(({ id }) => late.map(idOf).includes(id));
      assert.equal(kinds.filter(Boolean).length, 4, 'all that came late are among the next eight');
      assert.ok(kinds.every((isLate, index) => index === 0 || isLate !== kinds[index - 1]), 'by turns');
    });
  }

  test('go to quick retries first, but of their own kind only', () => {
    const turns = new TurnQueue<string>();
    for (const name of ['r1', 'r2', 'f1', 'f2']) turns.push(name, { isUrgent: false, isRetry: name.startsWith('r') });
    for (const name of ['rq1', 'rq2', 'fq1']) turns.push(name, { isUrgent: true, isRetry: name.startsWith('r') });
    assert.deepEqual(range(8).map(() => turns.shift()), ['fq1', 'rq1', 'f1', 'rq2', 'f2', 'r1', 'r2', undefined]);
  });
});
