/** A change over the API is in force within a second: in every server that resolves events, and in the processor that sends. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { answer } from '../../tools/sink/sink.ts';
import { admin, makeTarget } from '../support/admin.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';

const { inWorld } = useMongo();
/** The bound itself: waited for, not tried again and again until it holds. */
const IN_FORCE_MS = 1_000;

test('patterns, filters and deletions that one server took in are the word of another a second later', () =>
  inWorld({ env: { DOWNSTREAM_URL: '' } }, async (world) => {
    const [one, other] = [await world.server(), await world.server()];
    const isOwed = async (body: object): Promise<boolean> => {
      const { body: { id } } = await post(other.url, { body: JSON.stringify(body) });
      return ((await world.store.events.findOne({ _id: id as never }))?.targetIds.length ?? 0) > 0;
    };
    assert.equal(await isOwed({ type: 'order.paid' }), false);
    const { id } = await makeTarget(one.url, { url: world.sinkUrl, eventTypes: ['order.*'] });
    await sleep(IN_FORCE_MS);
    assert.equal(await isOwed({ type: 'order.paid' }), true);
    await admin(one.url, `PATCH /targets/${id}`, { body: { eventTypes: ['order.*', '!order.paid'], filter: { path: 'n', gt: 1 } }, ifMatch: '"1"' });
    await sleep(IN_FORCE_MS);
    assert.deepEqual([await isOwed({ type: 'order.paid', n: 2 }), await isOwed({ type: 'order.sent', n: 1 }), await isOwed({ type: 'order.sent', n: 2 })], [false, false, true]);
    await admin(one.url, `DELETE /targets/${id}`, { ifMatch: '"2"' });
    await sleep(IN_FORCE_MS);
    assert.equal(await isOwed({ type: 'order.sent', n: 2 }), false);
  }));

test('a processor sends to the new URL, by the new headers and the new limits, a second after they were changed', () =>
  inWorld({ env: { DOWNSTREAM_URL: '' } }, async (world) => {
    const [{ url }, processor] = [await world.server(), await world.processor()];
    const { id } = await makeTarget(url, { url: `${world.sinkUrl}/old` });
    await processor.told.until('lane.taken', ({ targetId }) => targetId === id);
    const change = async (fields: object): Promise<void> => {
      const { etag } = await admin(url, `GET /targets/${id}`);
      assert.equal((await admin(url, `PATCH /targets/${id}`, { body: fields, ifMatch: etag ?? '' })).status, 200);
    };
    await change({ url: `${world.sinkUrl}/new`, headers: { 'x-tenant': 'b' } });
    await sleep(IN_FORCE_MS);
    await admin(url, `POST /targets/${id}/test`);
    const request = await eventually(() => world.sink.requests[0] ?? assert.fail('nothing came'));
    assert.deepEqual([request.path, request.headers['x-tenant']], ['/new', 'b']);

    world.sink.behave(() => answer(200));
    await change({ ratePerSecond: 4 });
    const changedAt = performance.now();
    await processor.told.until('lane.taken', ({ targetId, term }) => targetId === id && term === 2);
    assert.ok(performance.now() - changedAt < IN_FORCE_MS, `a lane with the new limits after ${performance.now() - changedAt} ms`);
    for (let number = 0; number < 6; number += 1) await admin(url, `POST /targets/${id}/test`);
    await world.settled(7);
    const starts = processor.told.all('attempt.started').slice(1).map(({ atMs }) => atMs);
    assert.ok(starts.slice(1).every((at, index) => at - (starts[index] ?? 0) >= 250), starts.join());

    await admin(url, `POST /targets/${id}/pause`, { body: { reason: 'a' } });
    await sleep(IN_FORCE_MS);
    await admin(url, `POST /targets/${id}/test`);
    await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({ state: 'ready' }), 1));
    assert.equal(world.sink.requests.length, 7);
  }));
