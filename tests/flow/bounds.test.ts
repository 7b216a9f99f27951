/** Bounds that hold in the seams between parts, where no part alone would break its promise. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { jumpingClock } from '../support/jumping-clock.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { INGEST_SECRET, type WatchedProcessor, type World } from '../support/world.ts';

const { mongo, inWorld } = useMongo();

/** Something that holds everybody up until it is opened. */
function barrier(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

describe('the slots of a processor', () => {
  const SLOTS = 5;
  /** One lane may use three times what it leaves free (slots.ts). */
  const ONE_LANE = 4;
  const EVENTS = 50;

  test('bound what is answered and not yet written: with the database away, the receiver gets no more than that', async () => {
    const { passed, open } = barrier();
    await inWorld({ env: { GLOBAL_CONCURRENCY: String(SLOTS) }, behaviour: () => passed.then(() => answer(200)) }, async (world) => {
      const server = await world.server();
      const { told } = await world.processor();
      await sendMany({ url: server.url, secret: INGEST_SECRET, count: EVENTS, concurrency: 10 });
      await eventually(() => assert.ok(told.all('stream.batchRead').reduce((sum, { changes }) => sum + changes, 0) >= EVENTS, 'all are in memory'));
      await eventually(() => assert.equal(world.sink.requests.length, ONE_LANE));
      const [node] = mongo().nodes;
      assert.ok(node);
      await node.kill();
      try {
        open();
        // The second failure comes seconds after the answers: time enough for another request.
        await eventually(() => assert.ok(told.all('write.retried').filter(({ write }) => write === 'first results').length >= 2, 'the results are tried again'), { timeoutMs: 20_000 });
        assert.deepEqual([told.all('delivery.attempted').length, world.sink.requests.length], [ONE_LANE, ONE_LANE]);
      } finally {
        open();
        await node.start();
        await mongo().waitForPrimary();
      }
      await world.settled(EVENTS);
      assert.equal(world.sink.requests.length, EVENTS);
    });
  });
});

describe('a processor that is told to stop', () => {
  test('has marked every event that it settled when it has ended: no second processor is needed', async () => {
    const { passed, open } = barrier();
    await inWorld({ behaviour: () => passed.then(() => answer(200)) }, async (world) => {
      const server = await world.server();
      const processor = await world.processor();
      await sendMany({ url: server.url, secret: INGEST_SECRET, count: 20, concurrency: 20 });
      await eventually(() => assert.equal(world.sink.requests.length, 20));
      await processor.told.until('sweep.finished');
      const savedAt = await placeSavedAt(world);
      const stopped = processor.stop();
      // The feed has ended with this, and what is left to end are the lanes: the marks come last, and have no 100 ms to spare.
      await eventually(async () => assert.notEqual(await placeSavedAt(world), savedAt));
      open();
      await stopped;
      assert.deepEqual(await world.store.events.distinct('status'), ['DELIVERED']);
      assert.equal(await world.store.events.countDocuments({ pendingFanOut: true }), 0);
    });
  });
});

const placeSavedAt = async ({ db }: World): Promise<number | undefined> => (await db.collection('resumeTokens').findOne<{ savedAt: Date }>({}))?.savedAt.getTime();

describe('after an outage of the database', () => {
  const untilOf = async ({ store }: World, member: string): Promise<number> => (await store.sessions.findOne({ member, live: true }))?.until.getTime() ?? 0;

  /** Its next renewal that begins after this call. */
  async function renewal(world: World, member: string): Promise<void> {
    const before = await untilOf(world, member);
    await eventually(async () => assert.ok((await untilOf(world, member)) > before, `${member} has renewed`), { timeoutMs: 20_000 });
  }

  test('who comes back first ends nobody: the session of one that has yet to renew stays its own', () =>
    inWorld({}, async (world) => {
      const { clock, jump } = jumpingClock();
      const later = await world.child('processor', { PROCESSOR_NAME: 'later' });
      const first: WatchedProcessor = await world.processor({ PROCESSOR_NAME: 'first' }, { clock });
      // What an outage of 16 s leaves behind: the one has not renewed for that long, and both leases have run out.
      process.kill(later.pid, 'SIGSTOP');
      try {
        jump(16_000);
        await world.store.sessions.updateMany({ live: true }, { $set: { until: new Date(0) } });
        await renewal(world, 'first');
        assert.equal((await world.store.sessions.findOne({ member: 'later' }))?.endedBy, undefined);
      } finally {
        process.kill(later.pid, 'SIGCONT');
      }
      await renewal(world, 'later');
      assert.ok(!later.output().includes('session.lost'), later.output());
      assert.deepEqual(first.told.all('session.lost'), []);
      const server = await world.server();
      await post(server.url);
      await world.settled(1);
      assert.equal(world.sink.requests.length, 1);
    }));
});
