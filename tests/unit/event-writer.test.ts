/**
 * What a sender hears, and when, from the writer of events. The collection here only waits, succeeds or fails as the test
 * says; what MongoDB makes of duplicates is shown by the flow tests.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MongoNetworkError } from 'mongodb';
import type { IncomingEvent } from '../../src/domain/event.ts';
import { createEventWriter, type Accepted, type EventWriter } from '../../src/ingest/event-writer.ts';
import { Problem } from '../../src/http/problem.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import type { Store } from '../../src/store/store.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { deferred, eventIdOf, range, TARGET_ID, type Deferred } from './delivery-parts.ts';

/** Between the beginnings of two writes (event-writer.ts). */
const SPACING_MS = 3;
const WRITES_AT_ONCE = 4;

interface World {
  readonly clock: FakeClock;
  readonly writer: EventWriter;
  /** Every insert so far; the test ends each. */
  readonly inserts: { readonly ids: readonly string[]; readonly end: Deferred<void> }[];
  readonly told: string[];
}

function world(): World {
  const [inserts, told]: [World['inserts'], string[]] = [[], []];
  const db = {
    async command({ documents }: { readonly documents: readonly { readonly _id: string }[] }): Promise<object> {
      const end = deferred();
      inserts.push({ ids: documents.map(({ _id }) => _id), end });
      await end.promise;
      return {};
    },
  };
  const clock = new FakeClock();
  const telemetry = createTelemetry();
  const targets = { routing: () => ({ type }: Pick<IncomingEvent, 'type'>) => (type === null ? [TARGET_ID] : []) };
  telemetry.listen((name) => told.push(name));
  return { clock, inserts, told, writer: createEventWriter({ store: { db } as unknown as Store, clock, telemetry, targets }) };
}

const eventOf = (number: number, { bytes = 2, routed = true } = {}): IncomingEvent => ({
  id: eventIdOf(number), source: 'default', idempotencyKey: `key-${number}`, fingerprint: 'f', type: routed ? null : 'unwanted',
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
    const { writer, inserts, clock } = world();
    const fates = [fateOf(writer.accept(eventOf(1))), fateOf(writer.accept(eventOf(2, { routed: false })))];
    await settled();
    assert.deepEqual(nowOf(fates), ['pending', 'pending']);
    inserts[0]?.end.resolve();
    await clock.advance(SPACING_MS);
    assert.deepEqual(nowOf(fates), ['RECEIVED', 'pending']);
    inserts[1]?.end.resolve();
    await settled();
    assert.deepEqual(nowOf(fates), ['RECEIVED', 'UNROUTED']);
  });

  test('that comes alone is written at once; those that come right behind it are written together as soon as it is stored', async () => {
    const { writer, inserts, clock } = world();
    for (const number of range(4)) void writer.accept(eventOf(number));
    await settled();
    inserts[0]?.end.resolve();
    await clock.advance(1);
    assert.deepEqual(inserts.map(({ ids }) => ids.length), [1, 3]);
  });

  test('that comes behind a write of many is written a moment later, together with others', async () => {
    const { writer, inserts, clock } = world();
    for (const number of range(51)) void writer.accept(eventOf(number));
    await settled();
    inserts[0]?.end.resolve();
    await clock.advance(1);
    inserts[1]?.end.resolve();
    void writer.accept(eventOf(90));
    await clock.advance(SPACING_MS - 1);
    assert.equal(inserts.length, 2);
    void writer.accept(eventOf(91));
    await clock.advance(1);
    assert.deepEqual(inserts.map(({ ids }) => ids.length), [1, 50, 2]);
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
    const fates: { now: string }[] = [];
    for (const number of range(WRITES_AT_ONCE + 2)) {
      fates.push(fateOf(writer.accept(eventOf(number))));
      await clock.advance(25);
    }
    await clock.advance(2_300);
    assert.deepEqual(nowOf(fates), fates.map(() => 'unavailable'));
    for (const { end } of inserts) end.resolve();
    await writer.idle();
    assert.deepEqual(inserts.map(({ ids }) => ids), range(WRITES_AT_ONCE).map((number) => [eventIdOf(number)]));
  });
});

describe('a write that fails', () => {
  test('refuses its own events and those that wait behind it, at once', async () => {
    const { writer, inserts, told } = world();
    const fates = range(5).map((number) => fateOf(writer.accept(eventOf(number))));
    await settled();
    inserts[0]?.end.reject(new Error('no primary'));
    await settled();
    assert.deepEqual(nowOf(fates), range(5).map(() => 'unavailable'));
    assert.deepEqual([told, inserts.length], [['write.failed'], 1]);
  });

  test('on a connection that was cut is made once more, and no more often than that', async () => {
    const { writer, inserts, told } = world();
    const fates = [1, 2].map((number) => fateOf(writer.accept(eventOf(number))));
    await settled();
    inserts[0]?.end.reject(new MongoNetworkError('cut'));
    await settled();
    assert.deepEqual([inserts.map(({ ids }) => ids), nowOf(fates), told], [[[eventIdOf(1)], [eventIdOf(1)]], ['pending', 'pending'], []]);
    inserts[1]?.end.reject(new MongoNetworkError('cut'));
    await settled();
    assert.deepEqual([inserts.length, nowOf(fates), told], [2, ['unavailable', 'unavailable'], ['write.failed']]);
  });

  test('is followed by the next as if nothing had been', async () => {
    const { writer, inserts, clock } = world();
    const first = fateOf(writer.accept(eventOf(1)));
    await settled();
    inserts[0]?.end.reject(new Error('no primary'));
    await clock.advance(SPACING_MS);
    const second = fateOf(writer.accept(eventOf(2)));
    await settled();
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
      await clock.advance(SPACING_MS);
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
