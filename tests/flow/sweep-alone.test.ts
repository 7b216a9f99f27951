import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import type { Feed } from '../../src/streams/feed.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();

/** A stream that never tells anything. */
const silentFeed = (): Feed => ({ start: () => Promise.resolve(), stop: () => Promise.resolve(), reached: () => Promise.resolve(true) });

test('the sweep alone delivers everything, retries included, with the stream switched off', () =>
  inWorld({ env: { RETRY_SCHEDULE: '100ms' }, behaviour: ({ seen, id }) => answer(seen === 1 && (id ?? '').endsWith('0') ? 503 : 200) }, async (world) => {
    const server = await world.server();
    await world.processor({}, { openFeed: silentFeed });
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 300, concurrency: 20 });
    await world.settled(300, 60_000);
    assert.equal(world.received().size, 300);
    assert.equal([...world.received().values()].filter((requests) => requests.length > 1 && requests[0]?.status === 200).length, 0, 'nothing that succeeded was sent again');
  }));
