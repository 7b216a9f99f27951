import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replayDeliveries, findSettled } from '../../src/store/replay.ts';
import { DEFAULT_TARGET_ID } from '../../src/domain/ids.ts';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const LIMIT = 3;

/** The fewest milliseconds in which one start more than the limit happened. */
const tightest = (startsMs: readonly number[]): number => Math.min(...startsMs.slice(LIMIT).map((start, index) => start - (startsMs[index] ?? NaN)));

test('starts no more than 3 attempts in any second: first tries, retries and replays together, through a burst of 60', () =>
  inWorld({ env: { RATE_LIMIT_PER_SECOND: String(LIMIT), RETRY_SCHEDULE: '300ms', MAX_RETRY_ATTEMPTS: '2' } }, async (world) => {
    const failing = new Set<string>();
    // The first four events fail until they are dead; they are replayed while the burst is still under way.
    world.sink.behave(({ id }) => {
      if (failing.size < 4 && id !== null) failing.add(id);
      return answer(world.sink.requests.filter((request) => request.id === id).length <= 2 && failing.has(id ?? '') ? 500 : 200);
    });
    const server = await world.server();
    const processor = await world.processor();
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 60, concurrency: 60 });
    const dead = await eventually(async () => {
      const found = await findSettled(world.store, { targetIds: [DEFAULT_TARGET_ID], state: 'dead', after: null, before: null, limit: 10 });
      assert.equal(found.length, 4);
      return found;
    }, { timeoutMs: 40_000 });
    await replayDeliveries(world.store, dead);
    await eventually(async () => assert.equal(await world.store.events.countDocuments({ status: 'DELIVERED' }), 60), { timeoutMs: 60_000 });

    const starts = processor.told.all('attempt.started').map(({ atMs }) => atMs);
    const arrivals = world.sink.requests.map(({ atMs }) => atMs);
    const spanMs = (starts.at(-1) ?? 0) - (starts[0] ?? 0);
    assert.equal(starts.length, 60 + 4 + 4, 'four retries and four replays beside the first tries');
    assert.ok(spanMs >= 20_000, `the whole took ${spanMs} ms, expected 20 s at least`);
    assert.ok(tightest(starts) >= 1_000, `4 starts within ${tightest(starts)} ms`);
    assert.ok(tightest(arrivals) >= 990, `4 arrivals within ${tightest(arrivals)} ms`); // The wire may move each by a little.
    assert.ok(starts.length / (spanMs / 1000) > 2.7, 'and hardly slower than 3 a second');
  }));
