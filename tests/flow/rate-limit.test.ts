import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_TARGET_ID } from '../../src/domain/ids.ts';
import { findSettled, replayDeliveries } from '../../src/store/replay.ts';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const LIMIT = 3;

/** The fewest milliseconds in which one start more than the limit happened. */
const tightest = (startsMs: readonly number[]): number => Math.min(...startsMs.slice(LIMIT).map((start, index) => start - (startsMs[index] ?? NaN)));

test('starts no more than 3 attempts in any second: first tries, retries and replays together, through a burst of 60', () =>
  inWorld({ env: { RATE_LIMIT_PER_SECOND: String(LIMIT), RETRY_SCHEDULE: '300ms', MAX_RETRY_ATTEMPTS: '2' }, behaviour: () => answer(500) }, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    const send = (count: number): Promise<unknown> => sendMany({ url: server.url, secret: INGEST_SECRET, count, concurrency: count });
    await send(4);
    await world.settled(4);
    const dead = await findSettled(world.store, { targetIds: [DEFAULT_TARGET_ID], state: 'dead', after: null, before: null, limit: 10 });
    assert.equal(dead.length, 4);

    // Now everything at once: the burst, one in ten of it failing the first time, and the four dead ones again.
    let fresh = 0;
    world.sink.behave(({ seen }) => answer(seen === 1 && fresh++ % 10 === 0 ? 503 : 200));
    await Promise.all([send(60), replayDeliveries(world.store, dead)]);
    await world.settled(64, 60_000);

    const starts = processor.told.all('attempt.started').map(({ atMs }) => atMs);
    const spanMs = (starts.at(-1) ?? 0) - (starts[0] ?? 0);
    assert.equal(starts.length, 4 * 2 + 60 + 6 + 4, 'four that died of two attempts, the burst, six retries, four replays');
    assert.equal(world.sink.requests.length, starts.length, 'each start is one request');
    assert.ok(spanMs >= 20_000, `the whole took ${spanMs} ms, expected 20 s at least`);
    assert.ok(tightest(starts) >= 1_000, `4 starts within ${tightest(starts)} ms`);
    const burst = starts.slice(8, 8 + 60);
    const perSecond = (burst.length - 1) / (((burst.at(-1) ?? 0) - (burst[0] ?? 0)) / 1000);
    assert.ok(perSecond > 2.7, `the burst went at ${perSecond} a second, expected hardly less than 3`);
  }));

test('starts no more than 200 attempts in any second of a burst of 700, though it catches up with late timers', () =>
  inWorld({ env: { RATE_LIMIT_PER_SECOND: '200' } }, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 700, concurrency: 64 });
    await world.settled(700);
    const starts = processor.told.all('attempt.started').map(({ atMs }) => atMs);
    assert.equal(starts.length, 700);
    const most = Math.max(...starts.map((from, index) => starts.slice(index).filter((at) => at < from + 1_000).length));
    assert.ok(most <= 200, `${most} starts within a second`);
  }));

test('a changed limit is in force within a second, without a restart', () =>
  inWorld({ env: { RATE_LIMIT_PER_SECOND: '3' } }, async (world) => {
    const processor = await world.processor();
    await processor.told.until('stream.caughtUp');
    const changedAt = performance.now();
    await world.store.targets.updateOne({}, { $set: { limits: { ratePerSecond: 0, concurrency: 7 } }, $inc: { version: 1 } });
    await processor.told.until('lane.taken', ({ term }) => term === 2);
    assert.ok(performance.now() - changedAt < 1_000, `taken anew after ${performance.now() - changedAt} ms`);
  }));
