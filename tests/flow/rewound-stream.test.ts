/**
 * A stream that tells everything once more: after a restore of an old place, or of one that was never saved, what has been
 * delivered is recognised by its documents and not sent again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const COUNT = 10_000;

test('100 posts with one key, then 10,000 events, then a stream rewound to before all of them: one event of the hundred, and not one request more', () =>
  inWorld({ bodies: false }, async (world) => {
    const server = await world.server();
    const first = await world.processor();
    await first.told.until('stream.caughtUp');
    await first.told.until('sweep.finished');
    const early = await world.store.resumeTokens.findOne({});
    assert.ok(early, 'a place is stored once the stream has run dry');

    const answers = await Promise.all(Array.from({ length: 100 }, () => post(server.url, { key: 'the-same' })));
    assert.deepEqual([new Set(answers.map(({ body }) => body.id)).size, answers.filter(({ status }) => status === 202).length], [1, 100]);
    const { failures } = await sendMany({ url: server.url, secret: INGEST_SECRET, count: COUNT, concurrency: 50 });
    assert.deepEqual(failures, []);
    await world.settled(COUNT + 1, 60_000);
    await first.stop();
    assert.equal(world.sink.requests.length, COUNT + 1);

    const { _id, ...place } = early;
    await world.store.resumeTokens.updateOne({ _id }, { $set: place });
    const second = await world.processor();
    const caughtUp = await second.told.until('stream.caughtUp', () => true, 60_000);
    assert.ok(caughtUp.changes >= COUNT + 1, `the stream told ${caughtUp.changes} changes again`);
    assert.equal(caughtUp.offered, 0, 'none of them was offered to a lane');
    const { body } = await post(server.url);
    await world.settled(COUNT + 2);
    assert.equal(world.received().get(body.id)?.length, 1, 'and it goes on from there');
    assert.equal(world.sink.requests.length, COUNT + 2);
    assert.equal(world.duplicates(), 0);
  }));
