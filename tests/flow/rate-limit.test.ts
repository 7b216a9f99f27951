import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const LIMIT = 3;

/** The fewest milliseconds in which one start more than the limit happened. */
const tightest = (startsMs: readonly number[]): number => Math.min(...startsMs.slice(LIMIT).map((start, index) => start - (startsMs[index] ?? NaN)));

test('starts no more than 3 attempts in any second, first tries and retries together, through a burst of 60', () =>
  inWorld({ env: { RATE_LIMIT_PER_SECOND: String(LIMIT), RETRY_SCHEDULE: '500ms', TARGET_CONCURRENCY: '5' }, behaviour: ({ seen, id }) => answer(seen === 1 && (id ?? '').charCodeAt(29) % 4 === 0 ? 503 : 200) }, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 60, concurrency: 60 });
    await world.settled(60, 60_000);

    const starts = processor.told.all('attempt.started').map(({ atMs }) => atMs);
    const arrivals = world.sink.requests.map(({ atMs }) => atMs);
    assert.ok((starts.at(-1) ?? 0) - (starts[0] ?? 0) >= 19_000, 'the burst took at least 19 s');
    assert.ok(tightest(starts) >= 1_000, `4 starts within ${tightest(starts)} ms`);
    assert.ok(tightest(arrivals) >= 990, `4 arrivals within ${tightest(arrivals)} ms`); // The wire may move each by a little.
    assert.ok(starts.length / (((starts.at(-1) ?? 0) - (starts[0] ?? 0)) / 1000) > 2.7, 'and hardly slower than 3 a second');
    assert.equal(new Set(world.sink.requests.map(({ id }) => id)).size, 60);
  }));
