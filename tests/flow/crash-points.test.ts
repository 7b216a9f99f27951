/**
 * Every place where a program can die between two writes: what is on disk then, what a successor makes of it, and exactly how
 * many requests the receiver gets. The table stands in docs/design.md, section 4 onwards; the crash itself in
 * tests/support/crash-points.ts.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clusterTimeNow } from '../../src/store/change-stream.ts';
import { sendMany } from '../../tools/send/load.ts';
import { answer, type Behaviour, type SinkAnswer } from '../../tools/sink/sink.ts';
import type { Child } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { INGEST_SECRET, type WatchedProcessor, type World } from '../support/world.ts';

const { inWorld } = useMongo();
const PRELOAD = new URL('../support/crash-points.ts', import.meta.url).href;
/** The type of the events by which a test tells that everything before them is over. */
const LATER = 'later';
const NAME = { PROCESSOR_NAME: 'one' };
const DIED = { code: null, signal: 'SIGKILL' };

/** A processor that will die at this point. What comes from now on reaches its lane by way of the stream. */
async function doomed(world: World, at: string): Promise<Child> {
  const child = await world.child('processor', { ...NAME, CRASH_AT: at }, [PRELOAD]);
  await Promise.all([child.line('"event":"lane.taken"'), child.line('"event":"stream.caughtUp"')]);
  return child;
}

interface OnDisk {
  /** Events whose deliveries are not all there. */
  readonly pending: number;
  /** `state attemptCount`, by id. */
  readonly deliveries: readonly string[];
  /** Their states, by id. */
  readonly timers: readonly string[];
}

async function onDisk({ store }: World): Promise<OnDisk> {
  const [pending, deliveries, timers] = await Promise.all([
    store.events.countDocuments({ pendingFanOut: true }),
    store.deliveries.find().sort({ _id: 1 }).toArray(),
    store.schedule.find().sort({ _id: 1 }).toArray(),
  ]);
  return { pending, deliveries: deliveries.map(({ state, attemptCount }) => `${state} ${attemptCount}`), timers: timers.map(({ state }) => state) };
}

/** Starts the successor under the same name; resolves once all is settled, every timer has fired and whatever that could set off has been. */
async function recover(world: World, url: string, events: number): Promise<WatchedProcessor> {
  const processor = await world.processor(NAME);
  await world.settled(events);
  await eventually(async () => assert.equal(await world.store.schedule.countDocuments({ state: 'waiting' }), 0, 'timers that have not fired'));
  await processor.told.until('sweep.finished');
  // The stream tells in order and one batch is dealt with after the other: behind the second of these, nothing older is under way.
  for (const more of [1, 2]) {
    const { body } = await post(url, { key: `later-${more}`, body: `{"type":"${LATER}"}` });
    await world.settled(events + more);
    assert.equal(world.received().get(body.id)?.length, 1);
  }
  const { pending, deliveries } = await onDisk(world);
  assert.deepEqual([pending, deliveries.filter((text) => !text.startsWith('delivered')).length], [0, 0], 'everything is delivered, and marked so');
  assert.equal(await world.store.events.countDocuments({ status: 'DELIVERED' }), events + 2);
  return processor;
}

/** The attempt numbers of every request for these events, event by event. */
const attempts = (world: World, ids: readonly string[]): readonly (readonly (number | null)[])[] => ids.map((id) => (world.received().get(id) ?? []).map(({ attempt }) => attempt));

/** Fails the first tries of the event that the test is about. */
const failsFirst = (times: number): Behaviour => ({ seen, type }) => answer(type !== LATER && seen <= times ? 500 : 200);

/** A receiver that keeps so many requests waiting for each other, and answers all of them at once. */
function together(count: number): Behaviour {
  let arrived = 0;
  let release = (): void => undefined;
  const all = new Promise<void>((resolve) => (release = resolve));
  return () => {
    arrived += 1;
    if (arrived === count) release();
    return all.then(() => answer(200));
  };
}

/** Each test is in a database of its own and mostly waits for processes to start. */
const beside = { concurrency: 3 };

describe('the server dies', beside, () => {
  for (const [at, stored] of [['events.insert:before:1', 0], ['events.insert:after:1', 1]] as const) {
    test(`${stored === 0 ? 'before' : 'after'} the insert of an event and before its 202: the repeat under the same key settles it, delivered once`, () =>
      inWorld({}, async (world) => {
        const dying = await world.child('server', { CRASH_AT: at }, [PRELOAD]);
        const { url } = JSON.parse(await dying.line('"event":"server.started"')) as { url: string };
        await assert.rejects(post(url, { key: 'k' }), 'no answer came');
        assert.deepEqual(await dying.exit, DIED);
        const before = await world.store.events.find().toArray();
        assert.deepEqual(before.map(({ status, pendingFanOut }) => [status, pendingFanOut]), Array.from({ length: stored }, () => ['RECEIVED', true]));

        const server = await world.server();
        const { status, body } = await post(server.url, { key: 'k' });
        assert.deepEqual([status, body.duplicate], [202, stored === 1]);
        for (const { _id } of before) assert.equal(body.id, _id);
        await recover(world, server.url, 1);
        assert.deepEqual(attempts(world, [body.id]), [[1]]);
      }));
  }
});

describe('the processor dies', beside, () => {
  test('with events in memory, its place saved past them: the sweep finds them; sent again is only what was being sent', () => {
    let held: SinkAnswer = { kind: 'hang' };
    return inWorld({ env: { GLOBAL_CONCURRENCY: '1' }, behaviour: () => held }, async (world) => {
      const server = await world.server();
      const dying = await world.child('processor', { ...NAME, LOG_LEVEL: 'debug' });
      await dying.line('"event":"sweep.finished"'); // Before its first look is over, a lane keeps in the database what comes.
      const { body: sending } = await post(server.url);
      await eventually(() => assert.equal(world.sink.requests.length, 1));
      const queued: string[] = [];
      for (let count = 0; count < 3; count += 1) queued.push((await post(server.url)).body.id);
      const written = await clusterTimeNow(world.db);
      await eventually(async () => assert.ok((await world.store.resumeTokens.findOne({}))?.clusterTime.greaterThanOrEqual(written), 'the place is saved past them'), { timeoutMs: 30_000 });
      await dying.kill('SIGKILL');
      assert.deepEqual(await onDisk(world), { pending: 4, deliveries: [], timers: [] });
      held = answer(200);
      const { told } = await recover(world, server.url, 4);
      assert.deepEqual(attempts(world, [sending.id, ...queued]), [[1, 1], [1], [1], [1]]);
      assert.equal(told.all('delivery.parked').reduce((sum, { count }) => sum + count, 0), 4, 'all of them came by way of the sweep');
    });
  });

  test('with attempts under way: each of them is made once more, under the same id', () => {
    let held: SinkAnswer = { kind: 'hang' };
    return inWorld({ behaviour: () => held }, async (world) => {
      const server = await world.server();
      const dying = await world.child('processor', NAME);
      const { accepted } = await sendMany({ url: server.url, secret: INGEST_SECRET, count: 20, concurrency: 20 });
      await eventually(() => assert.equal(world.sink.requests.length, 20));
      await dying.kill('SIGKILL');
      assert.deepEqual(await onDisk(world), { pending: 20, deliveries: [], timers: [] });
      held = answer(200);
      await recover(world, server.url, 20);
      assert.deepEqual(attempts(world, accepted.map(({ id }) => id)), accepted.map(() => [1, 1]));
    });
  });

  test('after the answers and before their results are written: each is sent once more', () =>
    inWorld({ behaviour: together(20) }, async (world) => {
      const server = await world.server();
      const dying = await doomed(world, 'deliveries.insert:before:1');
      const { accepted } = await sendMany({ url: server.url, secret: INGEST_SECRET, count: 20, concurrency: 20 });
      assert.deepEqual(await dying.exit, DIED);
      assert.deepEqual(await onDisk(world), { pending: 20, deliveries: [], timers: [] });
      await recover(world, server.url, 20);
      assert.deepEqual(attempts(world, accepted.map(({ id }) => id)), accepted.map(() => [1, 1]));
    }));

  test('in the middle of writing results: those written stay settled, the others are sent once more', () =>
    inWorld({ behaviour: together(50) }, async (world) => {
      const server = await world.server();
      const dying = await doomed(world, 'deliveries.insert:halfway:1');
      const { accepted } = await sendMany({ url: server.url, secret: INGEST_SECRET, count: 50, concurrency: 50 });
      assert.deepEqual(await dying.exit, DIED);
      const written = new Set<string>((await world.store.deliveries.find().toArray()).map(({ eventId }) => eventId));
      assert.ok(written.size > 0 && written.size < 50, `${written.size} of 50 results are written`);
      await recover(world, server.url, 50);
      assert.deepEqual(attempts(world, accepted.map(({ id }) => id)), accepted.map(({ id }) => (written.has(id) ? [1] : [1, 1])));
    }));

  for (const [what, at] of [['its result', 'deliveries.insert:after:1'], ['its result, at the mark of its event', 'events.updateMany:before:1']] as const) {
    test(`after ${what}: the event is marked by the sweep, and nothing is sent`, () =>
      inWorld({}, async (world) => {
        const server = await world.server();
        const dying = await doomed(world, at);
        const { body } = await post(server.url);
        assert.deepEqual(await dying.exit, DIED);
        assert.deepEqual(await onDisk(world), { pending: 1, deliveries: ['delivered 1'], timers: [] });
        await recover(world, server.url, 1);
        assert.deepEqual(attempts(world, [body.id]), [[1]]);
      }));
  }
});

describe('the processor dies around a retry', beside, () => {
  const env = { RETRY_SCHEDULE: '300ms,300ms' };
  /** Point, failures before the first success; then: events pending, deliveries and timers on disk, and all attempts made in the end. */
  const table: readonly (readonly [what: string, at: string, failures: number, disk: OnDisk, made: readonly number[]])[] = [
    ['with a timer and no delivery: the attempt is made again, the timer ignored', 'schedule.insert:after:1', 1, { pending: 1, deliveries: [], timers: ['waiting'] }, [1, 1]],
    ['with a timer and the delivery as before: the same', 'schedule.insert:after:2', 2, { pending: 0, deliveries: ['waiting 1'], timers: ['due', 'waiting'] }, [1, 2, 2]],
    ['before a timer is flipped: the next scheduler flips it', 'schedule.updateMany:before:1', 1, { pending: 0, deliveries: ['waiting 1'], timers: ['waiting'] }, [1, 2]],
    ['after a timer is flipped: its change event is told again', 'schedule.updateMany:after:1', 1, { pending: 0, deliveries: ['waiting 1'], timers: ['due'] }, [1, 2]],
    ['after the answer to a retry: that attempt is made once more', 'deliveries.update:before:1', 1, { pending: 0, deliveries: ['waiting 1'], timers: ['due'] }, [1, 2, 2]],
    ['after the result of a retry: the event is marked, and nothing is sent', 'deliveries.update:after:1', 1, { pending: 0, deliveries: ['delivered 2'], timers: ['due'] }, [1, 2]],
  ];

  async function crashAround(world: World, at: string, expected: OnDisk): Promise<{ readonly url: string; readonly id: string }> {
    const server = await world.server();
    const dying = await doomed(world, at);
    const { body } = await post(server.url);
    assert.deepEqual(await dying.exit, DIED);
    const disk = await onDisk(world);
    // The mark of a first failure is on its way for 100 ms, and may be written or not: it is no part of these points.
    assert.deepEqual({ ...disk, pending: expected.pending }, expected);
    return { url: server.url, id: body.id };
  }

  for (const [what, at, failures, disk, made] of table) {
    test(what, () =>
      inWorld({ env, behaviour: failsFirst(failures) }, async (world) => {
        const { url, id } = await crashAround(world, at, disk);
        await recover(world, url, 1);
        assert.deepEqual(attempts(world, [id]), [made]);
      }));
  }

  test('after a timer is flipped, and its place in the stream is lost as well: the sweep finds the delivery by its time', () =>
    inWorld({ env, behaviour: failsFirst(1) }, async (world) => {
      const { url, id } = await crashAround(world, 'schedule.updateMany:after:1', { pending: 0, deliveries: ['waiting 1'], timers: ['due'] });
      await world.store.resumeTokens.deleteMany({});
      const { told } = await recover(world, url, 1);
      assert.deepEqual(attempts(world, [id]), [[1, 2]]);
      assert.equal(told.all('stream.opened')[0]?.from, 'now');
    }));
});
