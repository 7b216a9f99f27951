/** A receiver's answer outlives an outage of the database: it is written once that is possible, and nothing is sent again for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { mongo, inWorld } = useMongo();
const COUNT = 20;

test('what was answered while the database was away is written down once it is back, and not sent again', async () => {
  let answerAll = (): void => undefined;
  const held = new Promise<void>((resolve) => (answerAll = resolve));
  await inWorld({ behaviour: () => held.then(() => answer(200)) }, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: COUNT, concurrency: COUNT });
    await eventually(() => assert.equal(world.sink.requests.length, COUNT));
    const [node] = mongo().nodes;
    assert.ok(node);
    await node.kill();
    try {
      answerAll();
      await processor.told.until('write.retried', ({ write }) => write === 'first results');
    } finally {
      answerAll();
      await node.start();
      await mongo().waitForPrimary();
    }
    await world.settled(COUNT);
    assert.equal(world.sink.requests.length, COUNT);
    assert.equal(processor.told.all('delivery.settled').length, COUNT);
    const deliveries = await world.store.deliveries.find().toArray();
    assert.deepEqual(deliveries.map(({ state, attemptCount }) => `${state} ${attemptCount}`), Array.from({ length: COUNT }, () => 'delivered 1'));
  });
});
