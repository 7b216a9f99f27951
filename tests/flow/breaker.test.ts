/** The breaker of a target against real receivers: it opens, stays shut, finds its way back by one probe, and outlives whoever opened it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_TARGET_ID } from '../../src/domain/ids.ts';
import { HOPELESS_AFTER_MS, OPEN_MS } from '../../src/domain/breaker.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { LEAST_RESULTS } from '../../src/domain/result-window.ts';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { breakerOf, endOpening, openBreaker, registerAt } from '../support/breaker.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { ONE, TWO } from '../support/replay.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

const { inWorld } = useMongo();
const FAR = { RETRY_SCHEDULE: '1h', MAX_RETRY_ATTEMPTS: '10' };

const attempts = async (world: World): Promise<readonly number[]> => (await world.store.deliveries.find({}).toArray()).map(({ attemptCount }) => attemptCount);
const parked = (world: World): Promise<number> => world.store.deliveries.countDocuments({ state: 'ready' });

test('opens at 70 % of ten, keeps what comes and what falls due without using up an attempt, sends one probe after 30 s, and then all of it', () =>
  inWorld({ env: { ...FAR, RETRY_SCHEDULE: '2s,1h' }, behaviour: ({ seen }) => answer(seen > 0 ? 500 : 200) }, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await openBreaker(world, server.url, DEFAULT_TARGET_ID, processor);
    const openedAtMs = performance.now();
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 20, concurrency: 20 });
    await eventually(async () => assert.equal(await parked(world), 20));
    await processor.told.until('timer.fired'); // The retries of the ten are due now, and wait as well.
    await eventually(() => assert.ok(performance.now() - openedAtMs > 5_000), { timeoutMs: 8_000, everyMs: 200 });
    assert.equal(world.sink.requests.length, LEAST_RESULTS, 'nothing is sent while it is open');
    assert.deepEqual([...(await attempts(world))].sort(), [...Array<number>(20).fill(0), ...Array<number>(LEAST_RESULTS).fill(1)], 'and no attempt is used up');

    let probes = 0;
    let letProbeGo: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (letProbeGo = resolve));
    world.sink.behave(async () => ((probes += 1), await gone, answer(200)));
    await eventually(() => assert.equal(probes, 1), { timeoutMs: OPEN_MS + 10_000, everyMs: 50 });
    const probedAfterMs = (world.sink.requests.at(-1)?.atMs ?? 0) - openedAtMs;
    assert.ok(probedAfterMs > OPEN_MS - 1_000 && probedAfterMs < OPEN_MS + 5_000, `the probe came ${probedAfterMs} ms after it opened`);
    await processor.told.until('sweep.finished', () => processor.told.all('sweep.finished').length > 7);
    assert.equal(probes, 1, 'one probe, as long as it takes');
    letProbeGo();
    await world.settled(LEAST_RESULTS + 20, 60_000);
    assert.equal((await breakerOf(world, DEFAULT_TARGET_ID))?.state, 'closed');
    assert.equal(world.sink.requests.length, LEAST_RESULTS + LEAST_RESULTS + 20, 'each once more, and the twenty once');
  }));

test('stays closed while 60 % fail', () =>
  inWorld({ env: { ...FAR, TARGET_CONCURRENCY: '1' } }, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    let count = 0;
    world.sink.behave(() => answer([1, 3, 4].includes(count++ % 5) ? 503 : 200));
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 100, concurrency: 1 });
    await eventually(() => assert.equal(world.sink.requests.length, 100));
    await processor.told.until('delivery.settled', () => processor.told.all('delivery.settled').length === 100);
    assert.equal(processor.told.all('breaker.opened').length, 0);
    assert.equal((await world.store.lanes.findOne({}))?.breaker, undefined, 'and nothing was written for it');
  }));

test('answers other than 429 and 5xx never open it: the receiver is up', () =>
  inWorld({ env: FAR, behaviour: () => answer(404) }, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 50, concurrency: 10 });
    await processor.told.until('delivery.settled', () => processor.told.all('delivery.settled').length === 50);
    assert.equal(processor.told.all('breaker.opened').length, 0);
  }));

test('outlives a kill -9: the next processor keeps it shut, and half-open it sends one probe, which fails, and the lane is shut for twice as long', () =>
  inWorld({ env: FAR, behaviour: () => answer(503) }, async (world) => {
    const server = await world.server();
    const first = await world.child('processor');
    await openBreaker(world, server.url, DEFAULT_TARGET_ID);
    await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({ state: 'waiting' }), LEAST_RESULTS));
    await first.kill('SIGKILL');
    const second = await world.child('processor');
    await post(server.url);
    await eventually(async () => assert.equal(await parked(world), 1));
    assert.equal(world.sink.requests.length, LEAST_RESULTS);
    await second.kill('SIGKILL');

    await endOpening(world, DEFAULT_TARGET_ID);
    await Promise.all(Array.from({ length: 5 }, () => post(server.url)));
    const third = await world.processor();
    const { forMs, openings } = await third.told.until('breaker.opened');
    assert.deepEqual([openings, Math.round(forMs / 1_000)], [2, 2 * OPEN_MS / 1_000]);
    await third.told.until('sweep.finished', () => third.told.all('sweep.finished').length >= 3);
    assert.equal(world.sink.requests.length, LEAST_RESULTS + 1, 'one probe and no more');
    assert.equal((await breakerOf(world, DEFAULT_TARGET_ID))?.openings, 2);
  }));

test('closes through a change of owner with a slow start: one at a time, then two, then four, then all', () =>
  inWorld({ env: { ...FAR, TARGET_CONCURRENCY: '8' }, behaviour: () => answer(503) }, async (world) => {
    const server = await world.server();
    const first = await world.processor();
    await openBreaker(world, server.url, DEFAULT_TARGET_ID, first);
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 40, concurrency: 40 });
    await eventually(async () => assert.equal(await parked(world), 40));
    await first.stop();
    await endOpening(world, DEFAULT_TARGET_ID);
    let underWay = 0;
    const together: number[] = [];
    world.sink.behave(async () => {
      together.push((underWay += 1));
      await systemClock.sleep(20); // A receiver that takes its time, so that those who may come together do.
      underWay -= 1;
      return answer(200);
    });
    const second = await world.processor();
    await second.told.until('breaker.closed');
    await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({ state: 'delivered' }), 40));
    assert.deepEqual(together.slice(0, 2), [1, 1], 'the probe alone, then one at a time');
    assert.ok(Math.max(...together.slice(0, 4)) <= 2, `then two: ${together.join()}`);
    assert.ok(Math.max(...together) > 4 && Math.max(...together) <= 8, `in the end as many as the target may have: ${together.join()}`);
  }));

test('the limit of 3 a second is kept by probes and slow starts, through changes of owner', () =>
  inWorld({ env: { ...FAR, RATE_LIMIT_PER_SECOND: '3' }, behaviour: () => answer(503) }, async (world) => {
    const server = await world.server();
    const watched = [await world.processor({ PROCESSOR_NAME: 'one' })];
    await openBreaker(world, server.url, DEFAULT_TARGET_ID, watched[0]);
    await watched[0]?.stop();
    await endOpening(world, DEFAULT_TARGET_ID);
    world.sink.behave(() => answer(200));
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 8, concurrency: 8 });
    for (const name of ['two', 'three']) {
      const processor = await world.processor({ PROCESSOR_NAME: name });
      watched.push(processor);
      await processor.told.until('delivery.settled');
      if (name === 'two') await processor.stop();
    }
    await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({ state: 'delivered' }), 8), { timeoutMs: 20_000 });
    const starts = watched.flatMap(({ told }) => told.all('attempt.started').map(({ atMs }) => atMs)).sort((a, b) => a - b);
    const tightest = Math.min(...starts.slice(3).map((start, index) => start - (starts[index] ?? NaN)));
    assert.ok(tightest >= 1_000, `4 starts within ${tightest} ms`);
  }));

test('a healthy neighbour is not touched by it', () =>
  inWorld({ env: { ...FAR, DOWNSTREAM_URL: undefined, GLOBAL_CONCURRENCY: '20' }, behaviour: ({ path }) => answer(path === '/bad' ? 503 : 200) }, async (world) => {
    await registerAt(world, ONE, { url: `${world.sinkUrl}/bad`, eventTypes: ['bad'] });
    await registerAt(world, TWO, { eventTypes: ['good'] });
    const server = await world.server();
    const processor = await world.processor();
    await openBreaker(world, server.url, ONE, processor, '{"type":"bad"}');
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 200, concurrency: 20, bodyOf: () => Buffer.from('{"type":"good"}') });
    await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({ targetId: TWO, state: 'delivered' }), 200));
    assert.equal(await breakerOf(world, TWO), undefined);
    assert.equal(world.sink.requests.filter(({ path }) => path === '/bad').length, LEAST_RESULTS);
  }));

test('tells operators that it fails, and once however many processors find out; and that it recovers', () =>
  inWorld({ env: { ...FAR, DOWNSTREAM_URL: undefined }, behaviour: ({ path }) => answer(path.startsWith('/bad') ? 503 : 200) }, async (world) => {
    await registerAt(world, ONE, { url: `${world.sinkUrl}/bad?token=secret`, eventTypes: ['order.*'], limits: { ratePerSecond: 0, concurrency: 1 } });
    await registerAt(world, TWO, { url: `${world.sinkUrl}/ops`, eventTypes: ['hooktail.target.*'] });
    const server = await world.server();
    const first = await world.processor();
    await openBreaker(world, server.url, ONE, first);
    const news = (): readonly Record<string, string>[] => world.sink.requests.filter(({ path }) => path === '/ops').map(({ body }) => JSON.parse(body.toString()) as Record<string, string>);
    await eventually(() => assert.equal(news().length, 1));
    const [told] = news();
    assert.deepEqual({ ...told, at: '' }, { type: 'hooktail.target.failing', targetId: ONE, url: `${world.sinkUrl}/bad`, reason: 'most attempts of the last minute failed, the last with status 503', at: '' });
    assert.ok(Math.abs(Date.parse(told?.['at'] ?? '') - Date.now()) < 30_000);

    // As after a crash between the event and the lane document: the next owner finds the target well, and comes to the same.
    await first.stop();
    await world.store.lanes.updateOne({ _id: ONE }, { $unset: { breaker: '' } });
    const second = await world.processor();
    await openBreaker(world, server.url, ONE, second);
    assert.equal(await world.store.events.countDocuments({ source: 'hooktail' }), 1, 'the same news is one event');

    await second.stop();
    await endOpening(world, ONE);
    world.sink.behave(() => answer(200));
    await post(server.url);
    await world.processor();
    await eventually(() => assert.deepEqual(news().map(({ type }) => type), ['hooktail.target.failing', 'hooktail.target.recovered']));
  }));

test('a target without a success for 5 days is disabled with its reason, told of, keeps its backlog, and starts afresh when switched on again', () =>
  inWorld({ env: { ...FAR, DOWNSTREAM_URL: undefined }, behaviour: ({ path }) => answer(path === '/bad' ? 404 : 200) }, async (world) => {
    await registerAt(world, ONE, { url: `${world.sinkUrl}/bad`, eventTypes: ['order.*'] });
    await registerAt(world, TWO, { url: `${world.sinkUrl}/ops`, eventTypes: ['hooktail.*'] });
    const since = new Date(Date.now() - HOPELESS_AFTER_MS - 1_000);
    await world.store.lanes.insertOne({ _id: ONE, owner: null, term: 0, breaker: { state: 'closed', failures: 19, spells: 0, failingSince: since } });
    const server = await world.server();
    const processor = await world.processor();
    await post(server.url);
    await processor.told.until('target.disabled');
    const target = await eventually(async () => {
      const found = await world.store.targets.findOne({ _id: ONE });
      assert.equal(found?.status, 'disabled');
      return found;
    });
    assert.equal(target.statusReason, `failing: no success since ${since.toISOString()}`);
    await eventually(async () => assert.deepEqual(await breakerOf(world, ONE), { state: 'off', why: 'disabled', failures: 0, spells: 0 }));
    await Promise.all([post(server.url), post(server.url)]);
    await eventually(async () => assert.equal(await parked(world), 2));
    assert.equal(world.sink.requests.filter(({ path }) => path === '/bad').length, 1);

    world.sink.behave(() => answer(200));
    await world.store.targets.updateOne({ _id: ONE }, { $set: { status: 'active', statusReason: null }, $inc: { version: 1 } });
    await eventually(async () => assert.equal(await parked(world), 0));
    await eventually(async () => {
      const types = await world.store.events.find({ source: 'hooktail', status: 'DELIVERED' }).map(({ type }) => type).toArray();
      assert.deepEqual(types.sort(), ['hooktail.target.disabled', 'hooktail.target.recovered']);
    });
    assert.equal((await world.store.targets.findOne({ _id: ONE }))?.status, 'active');
  }));

test('a failing of five days with a success in it disables nobody', () =>
  inWorld({ env: FAR, behaviour: ({ seen, body }) => answer(seen > 0 && body.includes('bad') ? 500 : 200) }, async (world) => {
    await world.store.lanes.insertOne({ _id: DEFAULT_TARGET_ID, owner: null, term: 0, breaker: { state: 'closed', failures: 19, spells: 0, failingSince: new Date(Date.now() - 2 * HOPELESS_AFTER_MS) } });
    const server = await world.server();
    const processor = await world.processor();
    await post(server.url);
    await world.settled(1);
    await post(server.url, { body: '{"type":"bad"}' });
    await processor.told.until('delivery.settled', ({ verdict }) => verdict === 'retry');
    assert.equal((await world.store.targets.findOne({}))?.status, 'active');
    const breaker = await breakerOf(world, DEFAULT_TARGET_ID);
    assert.equal(breaker?.failingSince, undefined);
  }));
