/** Writes that must not be lost are tried again until they succeed; only the end of the process stops them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createPersist, type Persist } from '../../src/runtime/persist.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

interface World {
  readonly clock: FakeClock;
  readonly persist: Persist;
  readonly giveUp: AbortController;
  readonly told: unknown[];
}

function world(): World {
  const clock = new FakeClock();
  const telemetry = createTelemetry();
  const told: unknown[] = [];
  telemetry.listen((name, fields) => told.push([name, fields]));
  const giveUp = new AbortController();
  return { clock, giveUp, told, persist: createPersist({ clock, telemetry, signal: giveUp.signal }) };
}

/** A statement that fails so many times, and notes when it was tried. */
function failing(clock: FakeClock, failures: number): { readonly statement: () => Promise<string>; readonly triedAtMs: number[] } {
  const triedAtMs: number[] = [];
  const statement = (): Promise<string> => {
    triedAtMs.push(clock.monotonic() - 1_000);
    return triedAtMs.length <= failures ? Promise.reject(new Error(`fault ${triedAtMs.length}`)) : Promise.resolve('done');
  };
  return { statement, triedAtMs };
}

describe('a write that must not be lost', () => {
  test('answers at once when it succeeds, and tells of nothing', async () => {
    const { clock, persist, told } = world();
    assert.equal(await persist('results', failing(clock, 0).statement), 'done');
    assert.deepEqual([told, clock.sleeping], [[], 0]);
  });

  test('is tried again with pauses that double from 50 ms to 2 s, each told of', async () => {
    const { clock, persist, told } = world();
    const { statement, triedAtMs } = failing(clock, 8);
    const written = persist('results', statement);
    await clock.advance(10_000);
    assert.equal(await written, 'done');
    assert.deepEqual(triedAtMs, [0, 50, 150, 350, 750, 1_550, 3_150, 5_150, 7_150]);
    assert.equal(told.length, 8);
    assert.deepEqual(told[0], ['write.retried', { write: 'results', error: 'fault 1' }]);
  });

  test('is tried for a day if it takes a day', async () => {
    const { clock, persist } = world();
    const { statement, triedAtMs } = failing(clock, 43_000);
    let done = false;
    void persist('results', statement).then(() => (done = true));
    await clock.advance(1_000_000);
    assert.equal(done, false);
    assert.ok(triedAtMs.length > 490);
  });

  test('survives a statement that throws before it has returned a promise', async () => {
    const { clock, persist } = world();
    let calls = 0;
    const written = persist('results', () => {
      calls += 1;
      if (calls === 1) throw new Error('at once');
      return Promise.resolve('done');
    });
    await clock.advance(50);
    assert.equal(await written, 'done');
  });

  test('is given up at the end of the process, in the middle of a pause, with the last fault as its cause', async () => {
    const { clock, persist, giveUp } = world();
    const written = persist('results', failing(clock, Infinity).statement);
    const refused = assert.rejects(written, (error: Error & { code?: string }) => error.code === 'gave_up' && (error.cause as Error).message === 'fault 3');
    await clock.advance(200);
    giveUp.abort();
    await refused;
    assert.equal(clock.sleeping, 0);
  });

  test('is still tried once after the end was told: what succeeds at once is written', async () => {
    const { clock, persist, giveUp } = world();
    giveUp.abort();
    assert.equal(await persist('results', failing(clock, 0).statement), 'done');
    await assert.rejects(persist('results', failing(clock, 1).statement), { code: 'gave_up' });
    await settled();
    assert.equal(clock.sleeping, 0);
  });
});
