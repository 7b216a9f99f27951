/** The change stream is killed, goes silent, or loses what it tells of: it is back at once, and nothing is lost or told twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Long } from 'mongodb';
import { sendMany, type LoadResult } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { createProxy, uriThrough } from '../support/proxy.ts';
import { ONE, register, TWO } from '../support/replay.ts';
import { INGEST_SECRET, type WatchedProcessor, type World } from '../support/world.ts';

const { mongo, inWorld } = useMongo();

const send = (url: string, count: number): Promise<LoadResult> => sendMany({ url, secret: INGEST_SECRET, count, concurrency: 10 });

interface StreamRead {
  readonly opid: number;
  readonly client: string;
  readonly cursor: { readonly cursorId: Long };
}

/** The processor's read of its stream that waits at the server just now. */
function waitingRead(world: World): Promise<StreamRead> {
  return eventually(async () => {
    const operations = await world.db.client.db('admin').aggregate([
      { $currentOp: { allUsers: true } },
      { $match: { appName: 'hooktail-stream', op: 'getmore', 'cursor.originatingCommand.$db': world.db.databaseName } },
    ], { promoteLongs: false, promoteValues: true }).toArray();
    return (operations[0] as StreamRead | undefined) ?? assert.fail('Expected a waiting read, got none');
  }, { everyMs: 5 });
}

const opened = ({ told }: WatchedProcessor): number => told.all('stream.opened').length;

test('a stream dead without a word: the sweep delivers meanwhile, and the stream is opened anew within its patience', async () => {
  const [node] = mongo().nodes;
  assert.ok(node);
  const proxy = await createProxy({ upstream: node.port });
  try {
    await inWorld({ env: { MONGODB_URI: uriThrough(proxy) } }, async (world) => {
      const server = await world.server();
      const processor = await world.processor();
      await processor.told.until('stream.caughtUp');
      await send(server.url, 50);
      await world.settled(50);
      proxy.halfOpen({ from: Number((await waitingRead(world)).client.split(':').at(-1)) });
      const deadSince = performance.now();
      const openedBefore = opened(processor);
      await send(server.url, 50);
      await world.settled(100, 14_000);
      assert.equal(opened(processor), openedBefore, 'delivered by the sweep, before the stream was opened anew');
      await processor.told.until('stream.closed', ({ error }) => /has not answered/.test(error));
      assert.ok(performance.now() - deadSince < 18_000, `given up after ${performance.now() - deadSince} ms`);
      await processor.told.until('stream.caughtUp', () => processor.told.all('stream.caughtUp').length > openedBefore);
      const swept = processor.told.all('delivery.parked').length;
      await send(server.url, 50);
      await world.settled(150);
      assert.equal(processor.told.all('delivery.parked').length, swept, 'told by the stream again');
      assert.equal(world.received().size, 150);
      assert.equal(world.duplicates(), 0);
      await register(world, TWO);
      await eventually(async () => {
        const { body } = await post(server.url);
        const event = await world.db.collection<{ _id: string; targetIds: string[] }>('events').findOne({ _id: body.id });
        assert.equal(event?.targetIds.length, 2);
      }, { everyMs: 200 });
    });
  } finally {
    await proxy.stop();
  }
});

/** Ends the stream's waiting read; answers how long it was away. A read that was answered just before it was killed lives on: again. */
async function killOnce(world: World, how: 'operation' | 'cursor'): Promise<number> {
  const admin = world.db.client.db('admin');
  const first = String((await waitingRead(world)).cursor.cursorId);
  let killedAt = performance.now();
  await eventually(async () => {
    const { opid, cursor } = await waitingRead(world);
    if (String(cursor.cursorId) !== first) return;
    killedAt = performance.now();
    if (how === 'operation') await admin.command({ killOp: 1, op: opid });
    else await world.db.command({ killCursors: '$cmd.aggregate', cursors: [cursor.cursorId] });
    assert.fail('Expected a new cursor, got the one that is to be killed');
  }, { everyMs: 25 });
  return performance.now() - killedAt;
}

test('the stream\'s operation or cursor killed fifty times: back within 2 s each time, nothing lost, nothing twice', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await processor.told.until('stream.caughtUp');
    const awayMs: number[] = [];
    for (let kills = 0; kills < 50; kills += 1) {
      // Some before the kill, some while the stream is away, some after. More of them, and no read would wait long enough to be killed.
      const sending = send(server.url, 5);
      awayMs.push(await killOnce(world, kills % 2 === 0 ? 'operation' : 'cursor'));
      assert.deepEqual((await sending).failures, []);
    }
    await world.settled(250);
    assert.equal(world.received().size, 250);
    assert.equal(world.duplicates(), 0);
    assert.ok(Math.max(...awayMs) < 2_000, `away for ${Math.max(...awayMs)} ms`);
    assert.ok(opened(processor) <= 51, `${opened(processor)} openings`);
    assert.deepEqual(processor.told.all('history.lost'), []);
  }));

test('the timers dropped while retries wait: the sweep finds them by their time, and the indexes are back', () =>
  inWorld({ env: { RETRY_SCHEDULE: '3s' }, behaviour: ({ seen }) => answer(seen === 1 ? 404 : 200) }, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await send(server.url, 30);
    await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({ state: 'waiting' }), 30));
    await world.store.schedule.drop();
    await world.settled(30);
    assert.equal(await world.store.deliveries.countDocuments({ state: 'delivered', attemptCount: 2 }), 30);
    assert.equal(world.sink.requests.length, 60);
    const names = (await world.store.schedule.indexes()).map(({ name }) => name);
    assert.ok(names.includes('due') && names.includes('fired'), `indexes are back: ${names.join(', ')}`);
    assert.equal(opened(processor), 1);
  }));

test('a copy of the events made and renamed beside them: nothing is sent again', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await send(server.url, 50);
    await world.settled(50);
    const batches = processor.told.all('stream.batchRead').length;
    await world.store.events.aggregate([{ $out: 'events_copy' }]).toArray();
    await world.db.collection('events_copy').rename('events_kept');
    await eventually(() => assert.ok(processor.told.all('stream.batchRead').length > batches, 'the stream told of it'));
    await send(server.url, 50);
    await world.settled(100);
    assert.equal(world.sink.requests.length, 100);
    assert.equal(opened(processor), 1);
    assert.deepEqual(processor.told.all('history.lost'), []);
  }));

test('the whole database dropped under running programs: one warning, no hot loop, indexes back, and new events are delivered', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await send(server.url, 50);
    await world.settled(50);
    await world.db.dropDatabase();
    await processor.told.until('history.lost');
    await processor.told.until('session.started', ({ sessionId }) => sessionId !== processor.told.all('session.started')[0]?.sessionId);
    await eventually(async () => {
      const names = (await world.store.events.indexes().catch(() => [])).map(({ name }) => name);
      assert.ok(names.length >= 5, `indexes of events: ${names.join(', ')}`);
    });
    await register(world, ONE);
    await processor.told.until('lane.taken', ({ targetId }) => targetId === ONE);
    // The server hears of the target a moment later; until then an event goes nowhere, and says so.
    const routed = await eventually(async () => {
      const { status, body } = await post(server.url);
      assert.equal(status, 202);
      assert.equal(body.status, 'RECEIVED');
      return body.id;
    }, { everyMs: 100 });
    await eventually(() => assert.equal(world.received().get(routed)?.length, 1));
    assert.equal(world.duplicates(), 0);
    assert.equal(processor.told.all('history.lost').length, 1);
    assert.ok(opened(processor) <= 4, `${opened(processor)} openings`);
    assert.deepEqual(processor.told.all('process.failed'), []);
  }));
