import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { sendMany } from '../../tools/send/load.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { DOWNSTREAM_SECRET, INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();

/** Bodies that change under any parsing and writing again: big integers, emoji, odd spacing, escapes, repeated keys. */
const bodyOf = (index: number): Buffer => Buffer.from(`{ "type":"order.created",\t"index" : ${index}, "big": 9007199254740993, "text":"héllo 🪝 \\ud83d\\ude00 \\ud800", "a":1, "a":2 }`);

test('delivers 2,000 events from 100 concurrent senders exactly once, byte for byte, signed', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    await world.processor();
    const { accepted, failures } = await sendMany({ url: server.url, secret: INGEST_SECRET, count: 2_000, concurrency: 100, bodyOf, keyOf: (index) => `key-${index}` });
    assert.deepEqual(failures, []);
    await world.settled(2_000);

    assert.equal(world.sink.requests.length, 2_000);
    const keyOfId = new Map(accepted.map(({ id, key }) => [id, key]));
    const oracle = new Webhook(DOWNSTREAM_SECRET);
    for (const { id, body, headers, attempt } of world.sink.requests) {
      const key = keyOfId.get(id ?? '');
      assert.ok(key !== undefined, `an id that was never accepted: ${String(id)}`);
      keyOfId.delete(id ?? '');
      assert.deepEqual(body, bodyOf(Number(key.slice(4))));
      assert.equal(attempt, 1);
      oracle.verify(body, headers as Record<string, string>);
    }
    assert.equal(keyOfId.size, 0);
  }));

test('refuses bytes that are not UTF-8, and stores nothing of them', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const { status, body } = await post(server.url, { body: Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d]) });
    assert.equal(status, 400);
    assert.equal(body.code, 'invalid_utf8');
    assert.equal(await world.store.events.countDocuments(), 0);
  }));

test('accepts the Standard Webhooks headers as well, the id being the idempotency key', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    await world.processor();
    const first = await post(server.url, { scheme: 'standard', key: 'msg_1' });
    const again = await post(server.url, { scheme: 'standard', key: 'msg_1' });
    assert.deepEqual([first.status, again.status], [202, 202]);
    assert.equal(again.body.id, first.body.id);
    await world.settled(1);
    assert.equal(world.sink.requests.length, 1);
  }));
