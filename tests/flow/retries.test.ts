import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer } from '../../tools/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import type { World } from '../support/world.ts';

const { inWorld } = useMongo();

const statusOf = async (world: World): Promise<string | undefined> => (await world.store.events.findOne({}))?.status;

test('tries again by the schedule: 503, 503, 200 is three attempts, failed for a while and then delivered', () =>
  inWorld({ env: { RETRY_SCHEDULE: '1s,2s' }, behaviour: ({ seen }) => answer(seen <= 2 ? 503 : 200) }, async (world) => {
    const server = await world.server();
    await world.processor();
    await post(server.url);
    await eventually(async () => assert.equal(await statusOf(world), 'FAILED_TEMPORARILY'));
    await world.settled(1);
    assert.equal(await statusOf(world), 'DELIVERED');

    const [first, second, third, ...more] = world.sink.requests;
    assert.ok(first && second && third);
    assert.equal(more.length, 0);
    assert.deepEqual([first.attempt, second.attempt, third.attempt], [1, 2, 3]);
    assert.equal(new Set([first.id, second.id, third.id]).size, 1);
    const [firstWait, secondWait] = [second.atMs - first.atMs, third.atMs - second.atMs];
    assert.ok(firstWait >= 800 && firstWait < 1_700, `the first wait was ${firstWait} ms, expected 1 s ±20 %`);
    assert.ok(secondWait >= 1_600 && secondWait < 2_900, `the second wait was ${secondWait} ms, expected 2 s ±20 %`);
  }));

test('gives up after exactly MAX_RETRY_ATTEMPTS attempts and keeps the reason', () =>
  inWorld({ env: { RETRY_SCHEDULE: '100ms', MAX_RETRY_ATTEMPTS: '4' }, behaviour: () => answer(500) }, async (world) => {
    const server = await world.server();
    await world.processor();
    await post(server.url);
    await world.settled(1);
    assert.equal(await statusOf(world), 'FAILED_PERMANENTLY');
    assert.equal(world.sink.requests.length, 4);
    const delivery = await world.store.deliveries.findOne({});
    assert.equal(delivery?.state, 'dead');
    assert.equal(delivery.attemptCount, 4);
    assert.equal(delivery.reason, 'exhausted: status 500, 4 attempts');
    assert.deepEqual(delivery.attempts.map(({ number, status }) => [number, status]), [[1, 500], [2, 500], [3, 500], [4, 500]]);
  }));

test('tries a refused connection again at once, twice, and records each try under the same attempt', () =>
  inWorld({ env: { RETRY_SCHEDULE: '200ms', MAX_RETRY_ATTEMPTS: '2' } }, async (world) => {
    const server = await world.server();
    await world.processor();
    await world.sink.stop();
    await post(server.url);
    await world.settled(1);
    const delivery = await world.store.deliveries.findOne({});
    assert.equal(delivery?.attemptCount, 2);
    assert.deepEqual(delivery.attempts.map(({ number, quickRetry }) => `${number}.${quickRetry}`), ['1.0', '1.1', '1.2', '2.0', '2.1', '2.2']);
    assert.match(delivery.attempts[0]?.error ?? '', /^refused: ECONNREFUSED/);
  }));

test('holds the whole lane for as long as Retry-After asks', () =>
  inWorld({ env: { RETRY_SCHEDULE: '100ms' }, behaviour: ({ seen, id }) => (seen === 1 && id !== null && world429.delete('first') ? answer(503, { headers: { 'retry-after': '2' } }) : answer(200)) }, async (world) => {
    world429.add('first');
    const server = await world.server();
    const processor = await world.processor();
    await post(server.url);
    await processor.told.until('lane.held');
    await Promise.all(Array.from({ length: 5 }, () => post(server.url)));
    await world.settled(6);
    const [held, ...others] = world.sink.requests;
    assert.ok(held);
    assert.equal(others.length, 6);
    for (const { atMs } of others) assert.ok(atMs - held.atMs >= 1_990, `a start ${atMs - held.atMs} ms after an answer that asked for 2 s`);
  }));
const world429 = new Set<string>();

test('a receiver that answers 410 is disabled; what comes later is kept, and delivered once it is active again', () =>
  inWorld({ behaviour: () => answer(410) }, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await post(server.url);
    await processor.told.until('target.disabled');
    await eventually(async () => assert.equal((await world.store.targets.findOne({}))?.status, 'disabled'));
    assert.equal((await world.store.deliveries.findOne({}))?.state, 'dead');

    world.sink.behave(() => answer(200));
    const { body } = await post(server.url);
    assert.equal(body.status, 'RECEIVED');
    await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({ state: 'ready' }), 1));
    assert.equal(world.sink.requests.length, 1);

    await world.store.targets.updateOne({}, { $set: { status: 'active' }, $inc: { version: 1 } });
    await world.settled(2);
    assert.deepEqual(world.sink.requests.map(({ id, status }) => [id === body.id, status]), [[false, 410], [true, 200]]);
  }));

test('a timeout is a failed attempt, and frees its place', () =>
  inWorld({ env: { DELIVERY_TIMEOUT_MS: '300', RETRY_SCHEDULE: '100ms', TARGET_CONCURRENCY: '1' }, behaviour: ({ seen }) => (seen === 1 ? { kind: 'hang' } : answer(200)) }, async (world) => {
    const server = await world.server();
    await world.processor();
    await post(server.url);
    await world.settled(1);
    const delivery = await world.store.deliveries.findOne({});
    assert.deepEqual(delivery?.attempts.map(({ outcome }) => outcome), ['timeout', 'answered']);
    assert.equal(delivery.attempts[0]?.error, 'timeout: no answer within 300 ms');
  }));
