/** When a lane may start anything: trusted, active, not held. Closed, it costs one timer and is woken by a poke. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Gate } from '../../src/delivery/gate.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

interface World {
  readonly clock: FakeClock;
  readonly gate: Gate;
  readonly may: { isTrusted: boolean; isActive: boolean };
  /** Waits, and tells whether the wait has ended. */
  readonly waiting: (signal?: AbortSignal) => () => boolean;
}

function world(): World {
  const clock = new FakeClock();
  const may = { isTrusted: true, isActive: true };
  const gate = new Gate({ clock, isTrusted: () => may.isTrusted, isActive: () => may.isActive });
  const waiting = (signal: AbortSignal = new AbortController().signal): (() => boolean) => {
    let ended = false;
    void gate.opened(() => !signal.aborted).then(() => (ended = true));
    return () => ended;
  };
  return { clock, gate, may, waiting };
}

describe('a gate', () => {
  test('is open only when trusted, active and not held', () => {
    for (const isTrusted of [true, false]) {
      for (const isActive of [true, false]) {
        for (const isHeld of [true, false]) {
          const { gate, may } = world();
          Object.assign(may, { isTrusted, isActive });
          if (isHeld) gate.hold(1_000);
          assert.equal(gate.isOpen(), isTrusted && isActive && !isHeld);
          // An untrusted session passes soon; what the target asks for may last.
          assert.equal(gate.isShut(), !isActive || isHeld);
        }
      }
    }
  });

  test('opens to the millisecond when its hold ends, without a poke', async () => {
    const { clock, gate, waiting } = world();
    gate.hold(90_000);
    const ended = waiting();
    await clock.advance(89_999);
    assert.equal(ended(), false);
    await clock.advance(1);
    assert.equal(ended(), true);
  });

  test('keeps the longer of two holds, whichever came first', async () => {
    for (const holds of [[5_000, 60_000], [60_000, 5_000]] as const) {
      const { clock, gate, waiting } = world();
      for (const ms of holds) gate.hold(ms);
      const ended = waiting();
      await clock.advance(59_999);
      assert.equal(ended(), false);
      await clock.advance(1);
      assert.equal(ended(), true);
    }
  });

  test('held anew while somebody waits for the end of the first hold stays closed till the end of the second', async () => {
    const { clock, gate, waiting } = world();
    gate.hold(1_000);
    const ended = waiting();
    await clock.advance(900);
    gate.hold(1_000);
    await clock.advance(999);
    assert.equal(ended(), false);
    await clock.advance(1);
    assert.equal(ended(), true);
  });

  test('holds for the longest Retry-After there is, through its hourly looks', async () => {
    const { clock, gate, waiting } = world();
    gate.hold(86_400_000);
    const ended = waiting();
    await clock.advance(86_399_999);
    assert.equal(ended(), false);
    await clock.advance(1);
    assert.equal(ended(), true);
  });

  test('lets those who wait look again at each poke', async () => {
    const { gate, may, waiting } = world();
    may.isTrusted = false;
    const [first, second] = [waiting(), waiting()];
    for (const open of [false, false, true]) {
      may.isTrusted = open;
      gate.poke();
      await settled();
      assert.deepEqual([first(), second()], [open, open]);
    }
  });

  test('costs one timer while closed and none when the wait has been called off', async () => {
    const { clock, gate, may, waiting } = world();
    may.isActive = false;
    const draining = new AbortController();
    const ended = waiting(draining.signal);
    await settled();
    assert.equal(clock.sleeping, 1);
    draining.abort();
    gate.poke();
    await settled();
    assert.deepEqual([ended(), clock.sleeping, gate.isOpen()], [true, 0, false]);
  });

  test('does not notice a jump of the wall clock', async () => {
    const { clock, gate } = world();
    gate.hold(10_000);
    clock.jumpWall(3_600_000);
    assert.equal(gate.isOpen(), false);
    await clock.advance(10_000);
    assert.equal(gate.isOpen(), true);
  });
});
