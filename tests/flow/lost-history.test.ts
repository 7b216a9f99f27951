import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MongoClient, Timestamp } from 'mongodb';
import { startLocalMongo } from '../../tools/local-mongo.ts';
import { sendMany } from '../../tools/send/load.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

// A small oplog that is not pinned by a checkpoint of a minute ago, so that padding rolls it in seconds.
const { inWorld } = useMongo({ args: ['--oplogSize', '1', '--syncdelay', '1'] });

const send = (url: string, count: number): Promise<unknown> => sendMany({ url, secret: INGEST_SECRET, count, concurrency: 20 });

/** A processor ran, was stopped in order, and events came while nobody looked; then `spoil` and a new start. */
async function losesNothing(world: World, spoil: () => Promise<unknown>, expectLost: boolean): Promise<void> {
  const server = await world.server();
  const first = await world.processor();
  await send(server.url, 100);
  await world.settled(100);
  await first.stop();
  await send(server.url, 200);
  await spoil();
  const second = await world.processor();
  await world.settled(300);
  assert.equal(world.received().size, 300);
  assert.equal(world.duplicates(), 0);
  await send(server.url, 50);
  await world.settled(350);
  assert.equal(second.told.all('history.lost').length, expectLost ? 1 : 0);
  assert.ok(second.told.all('stream.opened').length <= 3, 'no loop of openings');
  assert.deepEqual(second.told.all('stream.closed'), []);
}

const spoilToken = (world: World, token: unknown): Promise<unknown> => world.store.resumeTokens.updateMany({}, { $set: { token } });

for (const [kind, token] of Object.entries({
  'random hex': { _data: '8265f1ab' },
  'not hex at all': { _data: 'garbage' },
  'without data': { nothing: 1 },
  'of another cluster': { _data: '826543210000000001296E04' },
})) {
  test(`a stored token that is useless (${kind}): one warning, everything delivered`, () => inWorld({}, (world) => losesNothing(world, () => spoilToken(world, token), true)));
}

test('a token from another pipeline: the stored time is used instead', () =>
  inWorld({}, (world) => losesNothing(world, () => world.store.resumeTokens.updateMany({}, { $set: { pipelineHash: 'another' } }), false)));

test('a stored time ahead of the cluster: not waited for', () =>
  inWorld({}, (world) => losesNothing(world, () => world.store.resumeTokens.updateMany({}, { $set: { pipelineHash: 'another', clusterTime: Timestamp.fromBits(1, 4_000_000_000) } }), false)));

test('a token of another cluster that is ahead of this one: not waited for', () =>
  inWorld({}, (world) =>
    losesNothing(world, async () => {
      const stored = await world.store.resumeTokens.findOne({});
      const { _data: data = '' } = (stored?.token ?? {}) as { _data?: string };
      assert.match(data, /^82[0-9A-F]{16}/, 'a token as we know them');
      await spoilToken(world, { _data: `82F0000000${data.slice(10)}` });
    }, false)));

test('a token that another cluster made just now: one warning, everything delivered', async () => {
  const other = await startLocalMongo();
  try {
    await inWorld({}, (world) =>
      losesNothing(world, async () => {
        const client = await new MongoClient(other.uri).connect();
        try {
          const stream = client.db('other').watch([], { maxAwaitTimeMS: 50 });
          await stream.tryNext();
          await client.db('other').collection('events').insertOne({});
          const token = await eventually(async () => (await stream.tryNext())?._id ?? assert.fail('Expected a change, got none'));
          await stream.close();
          await spoilToken(world, token);
        } finally {
          await client.close();
        }
      }, true));
  } finally {
    await other.stop();
  }
});

test('no stored token: everything delivered', () => inWorld({}, (world) => losesNothing(world, () => world.store.resumeTokens.deleteMany({}), false)));

test('an oplog rolled past the token: one warning, everything delivered', () =>
  inWorld({}, (world) =>
    losesNothing(world, async () => {
      const oldest = async (): Promise<Timestamp> => ((await world.db.client.db('local').collection('oplog.rs').findOne({}, { sort: { $natural: 1 } })) as unknown as { ts: Timestamp }).ts;
      const stored = await world.store.resumeTokens.findOne({});
      assert.ok(stored);
      const padding = world.db.collection('padding', { writeConcern: { w: 'majority' } });
      for (let written = 0; written < 400 && (await oldest()).lessThanOrEqual(stored.clusterTime); written += 1) await padding.insertOne({ bytes: Buffer.alloc(1_000_000) });
      assert.ok((await oldest()).greaterThan(stored.clusterTime), 'the oplog has rolled');
    }, true)));

test('collections dropped under a running processor: it goes on, with its indexes back', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await send(server.url, 50);
    await world.settled(50);
    await world.store.schedule.drop();
    await processor.told.until('stream.batchRead');
    await send(server.url, 50);
    await world.settled(100);
    assert.equal(world.duplicates(), 0);
    const names = (await world.store.schedule.indexes()).map(({ name }) => name);
    assert.ok(names.includes('due') && names.includes('fired'), `indexes are back: ${names.join(', ')}`);
  }));
