/** Two things keep starts apart: a place in the lane is given no sooner than its rate allows, and a last look at the clock before each start. */
import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { createLimitedPacer } from '../../src/delivery/limited-pacer.ts';
import { createOpenPacer, paceOf, type Pace } from '../../src/delivery/pacer.ts';
import { Spacing } from '../../src/delivery/spacing.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

const never = new AbortController().signal;
const every = (everyMs: number): Pace => ({ everyMs, catchUpMs: 0 });

/** Whether a wait is over by now. */
function watch(wait: Promise<void>): () => Promise<boolean> {
  let over = false;
  void wait.then(() => (over = true));
  return async () => {
    await settled();
    return over;
  };
}

describe('the last look before a start', () => {
  test('a new lane waits one interval, since its last owner may have started just now', async () => {
    const clock = new FakeClock();
    const isOver = watch(new Spacing(clock, every(340)).wait(never));
    await clock.advance(339);
    assert.equal(await isOver(), false);
    await clock.advance(1);
    assert.equal(await isOver(), true);
  });

  test('the interval counts from when the last start really began, not from when it was due', async () => {
    const clock = new FakeClock();
    const spacing = new Spacing(clock, every(340));
    await clock.advance(5_000);
    spacing.noteStart();
    const isOver = watch(spacing.wait(never));
    await clock.advance(339);
    assert.equal(await isOver(), false);
    await clock.advance(1);
    assert.equal(await isOver(), true);
  });

  test('a wall clock that jumps changes nothing', async () => {
    const clock = new FakeClock();
    const spacing = new Spacing(clock, every(340));
    const isOver = watch(spacing.wait(never));
    clock.jumpWall(3_600_000);
    await clock.advance(339);
    assert.equal(await isOver(), false);
    clock.jumpWall(-7_200_000);
    await clock.advance(1);
    assert.equal(await isOver(), true);
  });

  test('without a rate nobody waits, and who is told to stop waits no longer', async () => {
    const clock = new FakeClock();
    await new Spacing(clock, every(0)).wait(never);
    const stop = new AbortController();
    const isOver = watch(new Spacing(clock, every(60_000)).wait(stop.signal));
    assert.equal(await isOver(), false);
    stop.abort();
    assert.equal(await isOver(), true);
    assert.equal(clock.sleeping, 0);
  });
});

describe('a place in a limited lane', () => {
  const limits = { ratePerSecond: 20, concurrency: 0 };

  test('is given no sooner than the rate allows, so that nobody holds a slot while it waits for its turn', async () => {
    const pacer = createLimitedPacer(limits);
    const times: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      const leave = await pacer.begin();
      times.push(performance.now());
      leave();
    }
    pacer.close();
    const spanMs = (times.at(-1) ?? NaN) - (times[0] ?? NaN);
    // One interval less than there are: the first place may come late by its own timer, and Bottleneck counts on from when it was due.
    assert.ok(spanMs >= 2 * paceOf(limits).everyMs, `four places within ${spanMs} ms`);
  });

  test('is given only when one is free', async () => {
    const pacer = createLimitedPacer({ ratePerSecond: 1_000, concurrency: 1 });
    const leave = await pacer.begin();
    let second = false;
    const next = pacer.begin().then((leaveSecond) => {
      second = true;
      leaveSecond();
    });
    await settled();
    assert.equal(second, false);
    leave();
    await next;
    pacer.close();
  });

  test('is given in its time though the wall clock, on which Bottleneck plans, is set back an hour, and forth again', { timeout: 10_000 }, async () => {
    mock.timers.enable({ apis: ['Date'], now: 7_200_000 });
    const pacer = createLimitedPacer(limits);
    try {
      for (const wallMs of [7_200_000, 3_600_000, 7_200_000, 3_599_000]) {
        mock.timers.setTime(wallMs);
        // An hour's wait would outlast the run; two places each, so that one is planned by the clock as it is now.
        for (let count = 0; count < 2; count += 1) (await pacer.begin())();
      }
    } finally {
      mock.timers.reset();
      pacer.close();
    }
  });
});

test('a closed pacer gives no more places, whether all are taken or none', async () => {
  for (const open of [() => createOpenPacer(1), () => createLimitedPacer({ ratePerSecond: 1_000, concurrency: 1 })]) {
    const pacer = open();
    const leave = await pacer.begin();
    pacer.close();
    await assert.rejects(pacer.begin());
    leave();
    await assert.rejects(pacer.begin());
  }
});
