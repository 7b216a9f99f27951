/** A name that leads to a private address is refused like the address itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';

const { inWorld } = useMongo();

test('what a host name resolves to is checked, whatever the name says', () =>
  inWorld({}, async (world) => {
    const server = await world.server({ DOWNSTREAM_URL: world.sinkUrl.replace('127.0.0.1', 'localhost') });
    await world.processor({ SSRF_ALLOW_CIDRS: '10.0.0.0/8', DOWNSTREAM_URL: undefined }); // The rules have changed since the target was saved.
    await post(server.url);
    await world.settled(1);
    const delivery = await world.store.deliveries.findOne({});
    assert.match(delivery?.reason ?? '', /^blocked: \S+ is a loopback address/);
    assert.equal(world.sink.requests.length, 0);
  }));
