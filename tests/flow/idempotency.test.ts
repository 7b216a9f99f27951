import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';

const { inWorld } = useMongo();

test('case 8: makes one event of 100 concurrent posts with one key and body', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    await world.processor();
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(server.url, { key: 'abc123', body: '{"data":{"order_id":123,"event_type":"order_created"}}' })));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
    assert.equal(answers.filter(({ body }) => !body.duplicate).length, 1);
    assert.equal(answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true').length, 99);
    await world.settled(1);
    assert.equal(world.sink.requests.length, 1);
    assert.equal(world.sink.requests[0]?.type, 'order_created');
  }));

test('case 7: refuses another body under a used key', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const first = await post(server.url, { key: 'k', body: '{"n":1}' });
    const other = await post(server.url, { key: 'k', body: '{"n":2}' });
    assert.equal(first.status, 202);
    assert.equal(other.status, 422);
    assert.equal(other.body.code, 'idempotency_key_reused');
    assert.equal(await world.store.events.countDocuments(), 1);
  }));

test('case 6: answers a repeat with where the event has come to meanwhile', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    await world.processor();
    await post(server.url, { key: 'k' });
    await world.settled(1);
    const repeat = await post(server.url, { key: 'k' });
    assert.deepEqual([repeat.body.status, repeat.body.duplicate], ['DELIVERED', true]);
  }));
