/**
 * What a sender hears, and when, from the writer of events. The collection here only waits, succeeds or fails as the test
 * says; what MongoDB makes of duplicates is shown by the flow tests.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HookEvent } from '../../src/domain/event.ts';
import { createEventWriter, type Accepted, type EventWriter } from '../../src/ingest/event-writer.ts';
import { Problem } from '../../src/ingest/problem.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import type { Store } from '../../src/store/store.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { deferred, eventIdOf, range, TARGET_ID, type Deferred } from './delivery-parts.ts';

interface World {
  readonly clock: FakeClock;
  readonly writer: EventWriter;
  /** Every insert so far; the test ends each. */
  readonly inserts: { readonly ids: readonly string[]; readonly end: Deferred<void> }[];
  readonly told: string[];
}

function world(): World {
  const [inserts, told]: [World['inserts'], string[]] = [[], []];
  const events = {
    insertMany(documents: readonly { readonly _id: string }[]): Promise<void> {
      const end = deferred();
      inserts.push({ ids: documents.map(({ _id }) => _id), end });
      return end.promise;
    },
  };
  const clock = new FakeClock();
  const telemetry = createTelemetry();
  telemetry.listen((name) => told.push(name));
  return { clock, inserts, told, writer: createEventWriter({ store: { events } as unknown as Store, clock, telemetry }) };
}

const eventOf = (number: number, { bytes = 2, routed = true } = {}): HookEvent => ({
  id: eventIdOf(number), source: 'default', idempotencyKey: `key-${number}`, fingerprint: 'f', type: null, targetIds: routed ? [TARGET_ID] : [],
  body: new Uint8Array(bytes), contentType: 'application/json', receivedAt: new Date(0),
});

/** What became of an acceptance so far. */
function fateOf(acceptance: Promise<Accepted>): { now: string } {
  const fate = { now: 'pending' };
  acceptance.then(({ status }) => (fate.now = status), (error: unknown) => (fate.now = error instanceof Problem ? error.code : String(error)));
  return fate;
}

const nowOf = (fates: readonly { readonly now: string }[]): readonly string[] => fates.map(({ now }) => now);

describe('an event', () => {
  test('is accepted once it is stored, and not a moment sooner', async () => {
    const { writer, inserts } = world();
    const fates = [fateOf(writer.accept(eventOf(1))), fateOf(writer.accept(eventOf(2, { routed: false })))];
    await settled();
    assert.deepEqual(nowOf(fates), ['pending', 'pending']);
    for (const { end } of inserts) end.resolve();
    await settled();
    assert.deepEqual(nowOf(fates), ['RECEIVED', 'UNROUTED']);
  });

  test('that no majority confirms in time is answered as unavailable, with when to come again', async () => {
    const { writer, clock, inserts } = world();
    const acceptance = writer.accept(eventOf(1));
    const fate = fateOf(acceptance);
    await clock.advance(2_299);
    assert.equal(fate.now, 'pending');
    await clock.advance(1);
    assert.equal(fate.now, 'unavailable');
    await assert.rejects(acceptance, (problem: Problem) => problem.status === 503 && problem.options.retryAfterS === 5);
    // The write may still succeed; the sender's repeat will find it.
    inserts[0]?.end.resolve();
    await settled();
    assert.equal(clock.sleeping, 0);
  });

  test('has a deadline of its own, however many are under way', async () => {
    const { writer, clock } = world();
    const fates: { now: string }[] = [];
    for (const number of range(4)) {
      fates.push(fateOf(writer.accept(eventOf(number))));
      await clock.advance(100);
    }
    await clock.advance(1_900);
    assert.deepEqual(nowOf(fates), ['unavailable', 'pending', 'pending', 'pending']);
    await clock.advance(200);
    assert.deepEqual(nowOf(fates), ['unavailable', 'unavailable', 'unavailable', 'pending']);
  });

  test('that waits behind stuck writes until its deadline is never written after the refusal', async () => {
    const { writer, clock, inserts } = world();
    const fates = range(3).map((number) => fateOf(writer.accept(eventOf(number))));
    await clock.advance(2_300);
    assert.deepEqual(nowOf(fates), ['unavailable', 'unavailable', 'unavailable']);
    for (const { end } of inserts) end.resolve();
    await writer.idle();
    assert.deepEqual(inserts.map(({ ids }) => ids), [[eventIdOf(0)], [eventIdOf(1)]]);
  });
});

describe('a write that fails', () => {
  test('refuses its own events and those that wait behind it, at once; another write under way goes on', async () => {
    const { writer, inserts, told } = world();
    const fates = range(5).map((number) => fateOf(writer.accept(eventOf(number))));
    assert.equal(inserts.length, 2);
    inserts[0]?.end.reject(new Error('no primary'));
    await settled();
    assert.deepEqual(nowOf(fates), ['unavailable', 'pending', 'unavailable', 'unavailable', 'unavailable']);
    assert.deepEqual(told, ['write.failed']);
    inserts[1]?.end.resolve();
    await settled();
    assert.equal(fates[1]?.now, 'RECEIVED');
  });

  test('is followed by the next as if nothing had been', async () => {
    const { writer, inserts } = world();
    const first = fateOf(writer.accept(eventOf(1)));
    inserts[0]?.end.reject(new Error('no primary'));
    await settled();
    const second = fateOf(writer.accept(eventOf(2)));
    inserts[1]?.end.resolve();
    await settled();
    assert.deepEqual([first.now, second.now], ['unavailable', 'RECEIVED']);
  });
});

describe('more than can be held', () => {
  test('is refused by number, without touching the database, and taken again once there is room', async () => {
    const { writer, inserts, clock } = world();
    const fates = range(5_001).map((number) => fateOf(writer.accept(eventOf(number))));
    await settled();
    assert.deepEqual([fates[4_999]?.now, fates[5_000]?.now], ['pending', 'overloaded']);
    await assert.rejects(writer.accept(eventOf(6_000)), (problem: Problem) => problem.status === 503 && problem.options.retryAfterS === 5);
    for (let index = 0; index < inserts.length; index += 1) {
      inserts[index]?.end.resolve();
      await settled();
    }
    assert.equal(fates.filter(({ now }) => now === 'RECEIVED').length, 5_000);
    assert.equal(Math.max(...inserts.map(({ ids }) => ids.length)), 500);
    assert.equal(fateOf(writer.accept(eventOf(7_000))).now, 'pending');
    await settled();
    inserts.at(-1)?.end.resolve();
    await clock.advance(2_300);
    assert.equal(clock.sleeping, 0);
  });

  test('is refused by bytes', async () => {
    const { writer } = world();
    const megabyte = { bytes: 1_048_576 };
    const fates = range(65).map((number) => fateOf(writer.accept(eventOf(number, megabyte))));
    await settled();
    assert.deepEqual([fates[63]?.now, fates[64]?.now], ['pending', 'overloaded']);
  });

  test('counts what was refused no longer', async () => {
    const { writer, clock } = world();
    for (const number of range(5_000)) void writer.accept(eventOf(number)).catch(() => undefined);
    await clock.advance(2_300);
    const later = fateOf(writer.accept(eventOf(9_000)));
    await settled();
    assert.equal(later.now, 'pending');
  });
});
