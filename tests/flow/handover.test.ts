/** What holds for a target holds for the fleet: its rate and its Retry-After outlive the processor that knew of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREFERENCE_GRACE_MS } from '../../src/domain/lease.ts';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { preferredName } from '../support/preferred-name.ts';
import { ONE, register, TWO } from '../support/replay.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const LIMIT = 3;

test('the rate holds while a target passes from one processor to another and on', () =>
  inWorld({ env: { RATE_LIMIT_PER_SECOND: String(LIMIT) } }, async (world) => {
    const server = await world.server();
    const first = await world.processor({ PROCESSOR_NAME: 'one' });
    const second = await world.processor({ PROCESSOR_NAME: 'two' });
    const starts = (): readonly number[] => [first, second].flatMap(({ told }) => told.all('attempt.started').map(({ atMs }) => atMs)).sort((a, b) => a - b);
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 15, concurrency: 15 });
    await eventually(() => assert.ok(starts().length >= 5, 'a third is sent'));
    const [owner, heir] = first.told.all('attempt.started').length > 0 ? [first, second] : [second, first];
    await owner.stop();
    await heir.told.until('attempt.started');
    await world.settled(15);
    const times = starts();
    assert.equal(times.length, 15);
    const tightest = Math.min(...times.slice(LIMIT).map((start, index) => start - (times[index] ?? NaN)));
    assert.ok(tightest >= 1_000, `${LIMIT + 1} starts within ${tightest} ms`);
  }));

test('a Retry-After is kept through a restart', () =>
  inWorld({ env: { RETRY_SCHEDULE: '100ms' }, behaviour: ({ seen }) => (seen === 1 ? answer(503, { headers: { 'retry-after': '4' } }) : answer(200)) }, async (world) => {
    const server = await world.server();
    const first = await world.processor();
    await post(server.url);
    await first.told.until('delivery.settled');
    await first.stop();
    world.sink.behave(() => answer(200));
    await post(server.url);
    await world.processor();
    await world.settled(2);
    const [held, ...others] = world.sink.requests;
    assert.ok(held);
    assert.equal(others.length, 2);
    for (const { atMs } of others) assert.ok(atMs - held.atMs >= 3_990, `a start ${atMs - held.atMs} ms after an answer that asked for 4 s`);
  }));

test('a processor that ends hands its lanes over one by one as they run empty, and at once, not after the last and slowest of them', () =>
  inWorld({ env: { DOWNSTREAM_URL: undefined, DELIVERY_TIMEOUT_MS: '60000' }, behaviour: ({ seen, body }) => (seen === 1 && body.includes('slow') ? { kind: 'hang' } : answer(200)) }, async (world) => {
    await register(world, ONE, { eventTypes: ['slow'] });
    await register(world, TWO, { eventTypes: ['quick'] });
    const server = await world.server();
    const first = await world.processor({ PROCESSOR_NAME: preferredName('heir', ONE, TWO), SHUTDOWN_GRACE_MS: '4000' });
    const heir = await world.processor({ PROCESSOR_NAME: 'heir' });
    await post(server.url, { body: '{"type":"slow"}' });
    await eventually(() => assert.equal(world.sink.requests.length, 1, 'the slow one is under way'));
    const askedAtMs = performance.now();
    const ended = first.stop();
    await post(server.url, { body: '{"type":"quick"}' });
    await heir.told.until('lane.taken', ({ targetId }) => targetId === TWO);
    const tookMs = performance.now() - askedAtMs;
    assert.ok(tookMs < PREFERENCE_GRACE_MS - 200, `the empty lane was taken after ${tookMs} ms`);
    assert.deepEqual(heir.told.all('lane.taken').map(({ targetId }) => targetId), [TWO], 'the other is not empty yet');
    await ended;
    await world.settled(2);
  }));
