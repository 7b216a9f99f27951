/** What a lane promises, the same for both kinds of it; then what only the limited kind does. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeliveryId } from '../../src/domain/ids.ts';
import { LaneDrained } from '../../src/delivery/lane.ts';
import { paceOf } from '../../src/delivery/pacer.ts';
import { Slots } from '../../src/delivery/slots.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { idOf, range } from './delivery-parts.ts';
import { FAST, LIMITED, UNLIMITED, world, type World } from './lane-world.ts';

const idsOf = (starts: World['starts']): readonly DeliveryId[] => starts.map(({ id }) => id);

/** Long enough for several starts of either kind, were they let. */
const A_WHILE_MS = 80;

for (const kind of [LIMITED, FAST, UNLIMITED]) {
  describe(`a lane, ${kind.name}`, () => {
    test('delivers each offered job exactly once, in the order they came', async () => {
      const { lane, offer, starts, untilLength, pass } = world(kind);
      const numbers = range(8);
      assert.deepEqual(new Set(offer(...numbers)), new Set(['taken']));
      await untilLength(starts, 8);
      await pass(A_WHILE_MS);
      assert.deepEqual(idsOf(starts), numbers.map(idOf));
      assert.equal(lane.size, 0);
    });

    test('takes an id it knows no second time: waiting, running, or not yet marked', async () => {
      const { lane, offer, starts, finish, forgotten, untilLength, pass } = world(kind, { concurrency: 1, endless: true, next: 'marking' });
      assert.deepEqual(offer(1, 2, 1, 2), ['taken', 'taken', 'known', 'known']);
      await untilLength(starts, 1);
      assert.deepEqual(offer(1), ['known']);
      finish();
      await untilLength(starts, 2);
      assert.deepEqual([offer(1), lane.has(idOf(1)), forgotten], [['known'], true, []]);
      lane.forget(idOf(1));
      lane.forget(idOf(1));
      assert.deepEqual([lane.has(idOf(1)), forgotten], [false, [idOf(1)]]);
      finish();
      await pass(A_WHILE_MS);
      assert.deepEqual([starts.length, lane.size], [2, 1]);
    });

    test('forgets at once what needs no mark, and takes it again', async () => {
      const { lane, offer, starts, forgotten, untilLength } = world(kind);
      offer(1);
      await untilLength(forgotten, 1);
      assert.equal(lane.has(idOf(1)), false);
      assert.deepEqual(offer(1), ['taken']);
      await untilLength(starts, 2);
    });

    test('never runs more at once than its concurrency, and all of that', async () => {
      const { offer, starts, finish, mostAtOnce, running, untilLength, pass } = world(kind, { concurrency: 3, endless: true });
      offer(...range(8));
      await untilLength(starts, 3);
      await pass(A_WHILE_MS);
      assert.equal(running(), 3);
      for (const done of range(5)) {
        finish();
        await untilLength(starts, 4 + done);
      }
      assert.deepEqual([starts.length, mostAtOnce()], [8, 3]);
    });

    test('never uses more slots than there are, whatever its own limit', async () => {
      const { offer, starts, finish, mostAtOnce, slots, untilLength, pass } = world(kind, { concurrency: 5, slots: new Slots(2), endless: true });
      offer(...range(4));
      await untilLength(starts, 2);
      await pass(A_WHILE_MS);
      assert.equal(mostAtOnce(), 2);
      for (const done of range(2)) {
        finish();
        await untilLength(starts, 3 + done);
      }
      finish();
      finish();
      await pass(A_WHILE_MS);
      assert.deepEqual([mostAtOnce(), slots.inUse], [2, 0]);
    });

    test('is full when out of room, and tells once there is room again', async () => {
      const { lane, offer, starts, finish, rooms, untilLength, pass } = world(kind, { concurrency: 1, endless: true });
      const answers = offer(...range(30));
      const taken = answers.filter((answer) => answer === 'taken').length;
      assert.ok(taken >= 10 && taken < 30, `expected 10 to 29 taken, got ${taken}`);
      assert.deepEqual(answers.slice(taken), range(30 - taken).map(() => 'full'));
      assert.deepEqual([lane.size, rooms.length], [taken, 0]);
      for (const done of range(taken)) {
        await untilLength(starts, done + 1);
        assert.ok(done > 0 || rooms.length === 0);
        finish();
      }
      await pass(A_WHILE_MS);
      assert.deepEqual([rooms.length, starts.length, offer(99)], [1, taken, ['taken']]);
    });

    test('serves urgent turns before those that wait longer', async () => {
      const { offer, starts, untilLength } = world(kind, { concurrency: 1, tries: 2 });
      offer(1, 2, 3);
      await untilLength(starts, 6);
      assert.deepEqual(idsOf(starts), [1, 1, 2, 2, 3, 3].map(idOf));
    });

    test('starts nothing while held, refuses what comes meanwhile, and goes on in time', async () => {
      const { lane, clock, offer, starts, finish, running, untilLength, pass } = world(kind, { concurrency: 1, endless: true });
      offer(1, 2);
      await untilLength(starts, 1);
      const heldAtMs = clock.monotonic();
      lane.hold(150);
      finish();
      assert.deepEqual(offer(3), ['full']);
      await pass(A_WHILE_MS);
      assert.deepEqual([starts.length, running()], [1, 0]);
      await untilLength(starts, 2);
      const waitedMs = (starts[1]?.atMs ?? 0) - heldAtMs;
      assert.ok(waitedMs >= 150 && waitedMs < 1_000, `expected 150 ms, got ${waitedMs}`);
      assert.deepEqual(offer(3), ['taken']);
    });

    test('starts nothing while its session is not trusted; goes on when poked', async () => {
      const { lane, offer, starts, may, untilLength, pass } = world(kind);
      may.isTrusted = false;
      assert.deepEqual(offer(1, 2), ['taken', 'taken']);
      await pass(A_WHILE_MS);
      assert.equal(starts.length, 0);
      may.isTrusted = true;
      lane.poke();
      await untilLength(starts, 2);
    });

    test('starts nothing and takes nothing while its target is not active; goes on, and asks for more, when poked', async () => {
      const { lane, offer, starts, rooms, may, untilLength, pass } = world(kind);
      may.isTrusted = false;
      offer(1); // Taken, and waits.
      [may.isActive, may.isTrusted] = [false, true];
      assert.deepEqual(offer(2), ['full']);
      lane.poke();
      await pass(A_WHILE_MS);
      assert.deepEqual([starts.length, rooms.length], [0, 0]);
      may.isActive = true;
      lane.poke();
      assert.equal(rooms.length, 1);
      await untilLength(starts, 1);
    });

    test('looks at the gate once more after the wait for a slot, and gives the slot back when it has closed', async () => {
      const slots = new Slots(1);
      const giveBack = await slots.acquire('another');
      const { lane, offer, starts, may, untilLength, pass } = world(kind, { slots });
      offer(1);
      await pass(A_WHILE_MS);
      may.isTrusted = false;
      giveBack();
      await pass(A_WHILE_MS);
      assert.deepEqual([starts.length, slots.inUse], [0, 0]);
      may.isTrusted = true;
      lane.poke();
      await untilLength(starts, 1);
    });

    test('drains: what runs ends, what waits is dropped, and nothing starts after', async () => {
      const { lane, offer, starts, dropped, finish, slots, untilLength, pass } = world(kind, { endless: true });
      offer(1, 2, 3, 4);
      await untilLength(starts, 2);
      let drained = false;
      const draining = lane.drain().then(() => (drained = true));
      await pass(A_WHILE_MS);
      assert.deepEqual([drained, dropped], [false, [3, 4].map(idOf)]);
      finish();
      await pass(A_WHILE_MS);
      assert.equal(drained, false);
      finish();
      await draining;
      assert.deepEqual(offer(5), ['full']);
      lane.poke();
      await pass(A_WHILE_MS);
      assert.deepEqual([starts.length, lane.size, slots.inUse], [2, 0, 0]);
      await assert.rejects(lane.takeTurn({ isUrgent: true, isRetry: false }), LaneDrained);
    });

    test('drains at once from behind a closed gate', async () => {
      const { lane, offer, starts, dropped, may } = world(kind);
      may.isTrusted = false;
      offer(1, 2);
      await lane.drain();
      may.isTrusted = true;
      lane.poke();
      await settled();
      assert.deepEqual([starts.length, dropped, lane.size], [0, [1, 2].map(idOf), 0]);
    });
  });
}

describe('a limited lane', () => {
  test('lets its spacing lie between any two starts, urgent ones as well, and waits it once before the first', async () => {
    const beforeMs = systemClock.monotonic();
    const { offer, starts, limits, untilLength } = world(LIMITED, { concurrency: 0, tries: 2 });
    offer(...range(6));
    await untilLength(starts, 12);
    // Counted from the beginning, since a start may be noted late on a busy machine, and never early.
    const { everyMs } = paceOf(limits);
    for (const [index, { atMs }] of starts.entries()) assert.ok(atMs - beforeMs >= (index + 1) * everyMs, `start ${index + 1}: expected ${(index + 1) * everyMs} ms, got ${atMs - beforeMs}`);
  });

  test('does so too when it is too fast for a limiter, and loses no time', async () => {
    const { offer, starts, limits, untilLength } = world(FAST, { concurrency: 0, tries: 2 });
    offer(...range(6));
    await untilLength(starts, 12);
    const gaps = starts.slice(1).map(({ atMs }, index) => atMs - (starts[index]?.atMs ?? NaN));
    assert.deepEqual(gaps.map((gapMs) => gapMs.toFixed(6)), new Array(11).fill(paceOf(limits).everyMs.toFixed(6)));
  });
});

describe('a limited lane after a pause', () => {
  test('starts one at once; the next waits its interval, and holds no slot meanwhile', async () => {
    const [clock, slots] = [new FakeClock(), new Slots(1)];
    const { offer, starts, limits } = world(LIMITED, { clock, slots });
    await clock.advance(paceOf(limits).everyMs);
    offer(1);
    await settled();
    assert.equal(starts.length, 1);
    offer(2);
    await eventually(() => assert.equal(clock.sleeping, 1));
    await clock.advance(paceOf(limits).everyMs - 1);
    assert.equal(starts.length, 1);
    const giveBack = slots.acquireNow('tgt_another');
    assert.ok(giveBack, 'a free slot');
    giveBack();
    await clock.advance(1);
    await eventually(() => assert.equal(starts.length, 2));
  });
});

describe('the end of a hold', () => {
  test('is told to whoever fills the lane, once, and only when a longer hold has ended too', async () => {
    const clock = new FakeClock();
    const { lane, rooms } = world(UNLIMITED, { clock });
    lane.hold(1_000);
    lane.hold(5_000);
    await clock.advance(4_999);
    assert.equal(rooms.length, 0);
    await clock.advance(1);
    assert.equal(rooms.length, 1);
  });

  test('leaves no timer behind when the lane is drained', async () => {
    const clock = new FakeClock();
    const { lane, rooms } = world(UNLIMITED, { clock });
    lane.hold(60_000);
    await lane.drain();
    assert.equal(clock.sleeping, 0);
    await clock.advance(60_000);
    assert.equal(rooms.length, 0);
  });

  test('is told even when the timer fires a moment early, as real ones do', async () => {
    const clock = new FakeClock();
    const early = { now: () => clock.now(), monotonic: () => clock.monotonic(), sleep: (ms: number, signal?: AbortSignal) => clock.sleep(Math.max(ms - 0.4, 0.1), signal), after: (ms: number, act: () => void) => clock.after(ms, act) };
    const { lane, rooms } = world(UNLIMITED, { clock: early });
    lane.hold(1_000);
    await clock.advance(2_000);
    assert.equal(rooms.length, 1);
  });
});
