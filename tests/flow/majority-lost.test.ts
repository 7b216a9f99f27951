/** Two nodes of three die: nothing can be confirmed, so nothing is acknowledged, and nobody sends on a lease that cannot be renewed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { eventually } from '../support/eventually.ts';
import { BACKLOG, ONE_AT_A_TIME, slowUntil, startsNothingUntrusted } from '../support/lease-trust.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { rolesOf } from '../support/primary.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { mongo, inWorld } = useMongo({ nodes: 3 });

test('the majority lost: 503 in bounded time, no send on a lease that ran out, and all delivered once it is back', async () => {
  let hurry = false;
  await inWorld({ env: ONE_AT_A_TIME, behaviour: slowUntil(() => hurry) }, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    const { accepted } = await sendMany({ url: server.url, secret: INGEST_SECRET, count: BACKLOG, concurrency: 10 });
    assert.equal(accepted.length, BACKLOG);
    await eventually(() => assert.ok(world.received().size > 0, 'sending has begun'));
    const { secondaries } = await rolesOf(mongo());
    await Promise.all(secondaries.map((node) => node.kill()));
    const awaySince = performance.now();
    try {
      for (let asks = 0; asks < 3; asks += 1) {
        const askedAt = performance.now();
        const { status, body, headers } = await post(server.url);
        assert.equal(status, 503);
        assert.equal(body.code, 'unavailable');
        assert.ok(headers.has('retry-after'));
        assert.ok(performance.now() - askedAt < 2_500, `answered after ${performance.now() - askedAt} ms`);
      }
      await startsNothingUntrusted(processor, awaySince, 14_000);
      assert.ok(world.received().size < BACKLOG, 'there is more to send');
    } finally {
      hurry = true;
      await Promise.all(secondaries.map((node) => node.start()));
      await mongo().waitForPrimary();
    }
    const back = world.received().size;
    await eventually(() => assert.ok(world.received().size > back, 'deliveries flow again'), { timeoutMs: 15_000 });
    await world.settled(await world.store.events.countDocuments(), 60_000);
    const received = world.received();
    assert.deepEqual(accepted.filter(({ id }) => !received.has(id)), [], 'acknowledged and not delivered');
    assert.equal(world.duplicates(), 0);
    assert.deepEqual(processor.told.all('process.failed'), []);
  });
});
