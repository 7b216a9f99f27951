/** An orderly end waits for what is under way, but not for ever, and what it cuts says nothing about the receiver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer } from '../../tools/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';

const { inWorld } = useMongo();

test('an attempt that is cut at the end of the grace uses up none, and the next processor makes it', () =>
  inWorld({ env: { SHUTDOWN_GRACE_MS: '100', DELIVERY_TIMEOUT_MS: '60000', MAX_RETRY_ATTEMPTS: '1' }, behaviour: ({ seen }) => (seen === 1 ? { kind: 'hang' } : answer(200)) }, async (world) => {
    const server = await world.server();
    const first = await world.processor();
    await post(server.url);
    await eventually(() => assert.equal(world.sink.requests.length, 1));
    const askedAtMs = performance.now();
    await first.stop();
    const tookMs = performance.now() - askedAtMs;
    assert.ok(tookMs < 10_000, `the end took ${tookMs} ms, with a grace of 100 ms and an attempt that would have taken a minute`);
    assert.equal(await world.store.deliveries.countDocuments(), 0, 'nothing is known about it yet');
    assert.deepEqual(first.told.all('delivery.settled'), []);
    assert.equal(await world.store.lanes.countDocuments({ owner: { $ne: null } }), 0, 'its lane is released');

    await world.processor();
    await world.settled(1);
    assert.deepEqual(world.sink.requests.map(({ attempt }) => attempt), [1, 1]);
    const delivery = await world.store.deliveries.findOne({});
    assert.deepEqual([delivery?.state, delivery?.attemptCount], ['delivered', 1]);
  }));
