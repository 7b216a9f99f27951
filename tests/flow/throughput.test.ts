import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { startLocalMongo, type LocalMongo } from '../../tools/local-mongo.ts';
import { INGEST_SECRET, World } from '../support/world.ts';

let mongo: LocalMongo;
before(async () => { mongo = await startLocalMongo(); });
after(() => mongo.stop());

test('smoke', async () => {
  const world = await World.create({ uri: mongo.uri });
  try {
    const server = await world.server();
    const processor = await world.processor();
    const t = performance.now();
    const r = await sendMany({ url: server.url, secret: INGEST_SECRET, count: 2000, concurrency: 100 } as never);
    console.log(r.accepted.length, r.failures.slice(0, 3), r.seconds);
    await world.settled(2000);
    console.log('settled', performance.now() - t, world.sink.requests.length, world.duplicates(), processor.told.all('loop.failed'), processor.told.all('write.retried'), processor.told.all('stream.opened'), processor.told.all('sweep.finished'));
    assert.equal(world.sink.requests.length, 2000);
  } finally {
    await world.end();
  }
});
