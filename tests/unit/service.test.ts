/** The one lifecycle and the one loop: safe in any order, prompt to stop, never silent about a fault. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLoop, startAll, stopAll, type Loop, type LoopOptions, type Service } from '../../src/runtime/service.ts';
import { createTelemetry, type TelemetryEvents } from '../../src/runtime/telemetry.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

interface Harness {
  readonly clock: FakeClock;
  readonly loop: Loop;
  /** Monotonic times at which turns began, from the first one. */
  readonly turns: number[];
  readonly failures: TelemetryEvents['loop.failed'][];
}

function looping(turn: LoopOptions['turn'], options: Partial<LoopOptions> = {}): Harness {
  const clock = new FakeClock();
  const telemetry = createTelemetry();
  const turns: number[] = [];
  const failures: TelemetryEvents['loop.failed'][] = [];
  telemetry.listen((name, fields) => {
    if (name === 'loop.failed') failures.push(fields as TelemetryEvents['loop.failed']);
  });
  const startMs = clock.monotonic();
  const counted: LoopOptions['turn'] = (signal) => {
    turns.push(clock.monotonic() - startMs);
    return turn(signal);
  };
  return { clock, turns, failures, loop: createLoop({ clock, telemetry }, { name: 'sweep', turn: counted, ...options }) };
}

const everySecond = (): Promise<number> => Promise.resolve(1_000);

/** A turn that ends when the test says so. */
function held(): { readonly turn: LoopOptions['turn']; readonly finish: () => void; readonly signals: AbortSignal[] } {
  const signals: AbortSignal[] = [];
  let release: (() => void) | null = null;
  const turn = (signal: AbortSignal): Promise<number> => new Promise((resolve) => {
    signals.push(signal);
    release = () => resolve(1_000);
  });
  return { turn, signals, finish: () => release?.() };
}

/** Whether a promise has settled by now, without waiting for it. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await settled();
  return done;
}

describe('a loop', () => {
  test('takes its first turn at once and each next one after the time the turn asked for', async () => {
    const waits = [1_000, 250, 4_000];
    const { clock, loop, turns } = looping(() => Promise.resolve(waits.shift() ?? 60_000));
    await loop.start();
    await clock.advance(5_250);
    assert.deepEqual(turns, [0, 1_000, 1_250, 5_250]);
    await loop.stop();
  });

  test('never takes two turns at the same time', async () => {
    const { turn, finish } = held();
    const { clock, loop, turns } = looping(turn);
    await loop.start();
    loop.nudge();
    await clock.advance(60_000);
    assert.equal(turns.length, 1);
    finish();
    await settled();
    assert.equal(turns.length, 2);
    const stopped = loop.stop();
    finish();
    await stopped;
  });

  test('stops promptly in the middle of a long wait, and leaves no timer behind', async () => {
    const { clock, loop, turns } = looping(() => Promise.resolve(3_600_000));
    await loop.start();
    await settled();
    assert.equal(clock.sleeping, 1);
    await loop.stop();
    assert.equal(clock.sleeping, 0);
    await clock.advance(7_200_000);
    assert.deepEqual(turns, [0]);
  });

  test('tells the running turn to stop, and stops only once it has ended', async () => {
    const { turn, finish, signals } = held();
    const { clock, loop, turns } = looping(turn);
    await loop.start();
    const stopped = loop.stop();
    assert.equal(signals[0]?.aborted, true);
    assert.equal(await isDone(stopped), false);
    finish();
    await stopped;
    await clock.advance(60_000);
    assert.equal(turns.length, 1);
    assert.equal(clock.sleeping, 0);
  });

  test('survives a turn that throws, says so, and takes the next one after its retry time', async () => {
    let calls = 0;
    const { clock, loop, turns, failures } = looping(() => {
      calls += 1;
      return calls <= 2 ? Promise.reject(new Error(`fault ${calls}`)) : everySecond();
    }, { retryMs: 300 });
    await loop.start();
    await clock.advance(1_600);
    assert.deepEqual(turns, [0, 300, 600, 1_600]);
    assert.deepEqual(failures, [{ loop: 'sweep', error: 'fault 1' }, { loop: 'sweep', error: 'fault 2' }]);
    await loop.stop();
  });

  test('survives a turn that throws before it has returned a promise', async () => {
    const { clock, loop, turns, failures } = looping(() => {
      throw new Error('at once');
    });
    await loop.start();
    await clock.advance(500);
    assert.deepEqual(turns, [0, 500]);
    assert.equal(failures.length, 2);
    await loop.stop();
  });

  test('does not report what a turn throws because it was told to stop', async () => {
    const { loop, failures } = looping((signal) => new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    }));
    await loop.start();
    await loop.stop();
    assert.deepEqual(failures, []);
  });

  test('takes its next turn now when nudged in a wait', async () => {
    const { clock, loop, turns } = looping(everySecond);
    await loop.start();
    await clock.advance(400);
    loop.nudge();
    await settled();
    assert.deepEqual(turns, [0, 400]);
    await clock.advance(1_000);
    assert.deepEqual(turns, [0, 400, 1_400]);
    assert.equal(clock.sleeping, 1, 'the wait that was cut short left nothing behind');
    await loop.stop();
  });

  test('takes its next turn right after the running one when nudged in it, once for any number of nudges', async () => {
    const { turn, finish } = held();
    const { clock, loop, turns } = looping(turn);
    await loop.start();
    for (let nudges = 0; nudges < 5; nudges += 1) loop.nudge();
    finish();
    await settled();
    assert.deepEqual(turns, [0, 0]);
    finish();
    await clock.advance(999);
    assert.deepEqual(turns, [0, 0]);
    const stopped = loop.stop();
    await stopped;
  });

  test('ignores a nudge before its start and after its stop', async () => {
    const { clock, loop, turns } = looping(everySecond);
    loop.nudge();
    await settled();
    assert.deepEqual(turns, []);
    await loop.start();
    await loop.stop();
    loop.nudge();
    await clock.advance(5_000);
    assert.deepEqual(turns, [0]);
  });
});

describe('the lifecycle of a loop', () => {
  test('started twice, runs once', async () => {
    const { clock, loop, turns } = looping(everySecond);
    await Promise.all([loop.start(), loop.start()]);
    await loop.start();
    await clock.advance(2_000);
    assert.deepEqual(turns, [0, 1_000, 2_000]);
    await loop.stop();
  });

  test('stopped without a start, or twice, or twice at the same time, is simply stopped', async () => {
    const { clock, loop, turns } = looping(everySecond);
    await loop.stop();
    await loop.start();
    await Promise.all([loop.stop(), loop.stop()]);
    await loop.stop();
    await clock.advance(5_000);
    assert.deepEqual(turns, [0]);
    assert.equal(clock.sleeping, 0);
  });

  test('started again after a stop, runs again, and only once', async () => {
    const { clock, loop, turns } = looping(everySecond);
    for (let round = 0; round < 3; round += 1) {
      await loop.start();
      await clock.advance(1_500);
      await loop.stop();
    }
    assert.deepEqual(turns, [0, 1_000, 1_500, 2_500, 3_000, 4_000]);
    assert.equal(clock.sleeping, 0);
  });

  test('under starts, stops and nudges in any order, ends stopped with nothing left running', async () => {
    const { clock, loop, turns } = looping(everySecond);
    let seed = 1;
    const calls: Promise<void>[] = [];
    for (let step = 0; step < 500; step += 1) {
      seed = (seed * 48_271) % 2_147_483_647;
      const action = seed % 4;
      if (action === 0) calls.push(loop.start());
      else if (action === 1) calls.push(loop.stop());
      else if (action === 2) loop.nudge();
      else await clock.advance(700);
    }
    calls.push(loop.stop());
    assert.ok(await isDone(Promise.all(calls)), 'expected every start and stop to have returned');
    const after = turns.length;
    await clock.advance(60_000);
    assert.equal(turns.length, after);
    assert.equal(clock.sleeping, 0);
    assert.ok(after > 50, 'the loop did run in between');
  });

  test('stopped while it was not running, and started in the same breath, can still be stopped', async () => {
    const { clock, loop, turns } = looping(everySecond);
    const stopped = loop.stop();
    await loop.start();
    await stopped;
    assert.ok(await isDone(loop.stop()), 'expected the stop to return');
    const after = turns.length;
    await clock.advance(5_000);
    assert.equal(turns.length, after);
  });

  test('started while it is still stopping, is running once the start has returned', async () => {
    const { turn, finish } = held();
    const { loop, turns } = looping(turn);
    await loop.start();
    const stopped = loop.stop();
    const started = loop.start();
    finish();
    assert.ok(await isDone(Promise.all([stopped, started])), 'expected both to return');
    assert.equal(turns.length, 2);
    const ended = loop.stop();
    finish();
    await ended;
  });
});

describe('several services', () => {
  function recorded(fail: Readonly<Record<string, string>> = {}): { readonly log: string[]; readonly service: (name: string) => Service } {
    const log: string[] = [];
    const act = (what: string): Promise<void> => {
      log.push(what);
      return fail[what] === undefined ? Promise.resolve() : Promise.reject(new Error(fail[what]));
    };
    return { log, service: (name) => ({ start: () => act(`start ${name}`), stop: () => act(`stop ${name}`) }) };
  }

  test('start one after the other, in order', async () => {
    const { log, service } = recorded();
    await startAll(['a', 'b', 'c'].map(service));
    assert.deepEqual(log, ['start a', 'start b', 'start c']);
  });

  test('of which one cannot start, are stopped in reverse, and its fault is told', async () => {
    const { log, service } = recorded({ 'start b': 'b cannot start' });
    await assert.rejects(startAll(['a', 'b', 'c'].map(service)), { message: 'b cannot start' });
    assert.deepEqual(log, ['start a', 'start b', 'stop b', 'stop a']);
  });

  test('of which one cannot start and then another cannot stop, tell why the start failed', async () => {
    const { log, service } = recorded({ 'start b': 'b cannot start', 'stop a': 'a cannot stop' });
    await assert.rejects(startAll(['a', 'b'].map(service)), { message: 'b cannot start' });
    assert.deepEqual(log, ['start a', 'start b', 'stop b', 'stop a']);
  });

  test('are all stopped even when the first of them fails, and the first fault is told', async () => {
    const { log, service } = recorded({ 'stop a': 'a cannot stop', 'stop b': 'b cannot stop' });
    await assert.rejects(stopAll(['a', 'b', 'c'].map(service)), { message: 'a cannot stop' });
    assert.deepEqual(log, ['stop a', 'stop b', 'stop c']);
  });

  test('stop one after the other, each once the one before has ended', async () => {
    const order: string[] = [];
    let release: (() => void) | null = null;
    const slow: Service = { start: () => Promise.resolve(), stop: () => new Promise((resolve) => (release = resolve)) };
    const next: Service = { start: () => Promise.resolve(), stop: () => Promise.resolve(void order.push('next')) };
    const stopped = stopAll([slow, next]);
    await settled();
    assert.deepEqual(order, []);
    (release as (() => void) | null)?.();
    await stopped;
    assert.deepEqual(order, ['next']);
  });
});
