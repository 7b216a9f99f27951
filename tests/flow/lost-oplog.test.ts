/** An oplog that rolls past a stream that is open, while its processor is held up: found out at the next read, not at an opening. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Timestamp } from 'mongodb';
import { clusterTimeNow } from '../../src/store/change-stream.ts';
import { sendMany } from '../../tools/send/load.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

// A small oplog that is not pinned by a checkpoint of a minute ago, so that padding rolls it in seconds.
const { inWorld } = useMongo({ args: ['--oplogSize', '1', '--syncdelay', '1'] });

const oldest = async ({ db }: World): Promise<Timestamp> => ((await db.client.db('local').collection('oplog.rs').findOne({}, { sort: { $natural: 1 } })) as unknown as { ts: Timestamp }).ts;

async function rollPast(world: World, moment: Timestamp): Promise<void> {
  const padding = world.db.collection('padding', { writeConcern: { w: 'majority' } });
  for (let written = 0; written < 400 && (await oldest(world)).lessThanOrEqual(moment); written += 1) await padding.insertOne({ bytes: Buffer.alloc(1_000_000) });
  assert.ok((await oldest(world)).greaterThan(moment), 'the oplog has rolled');
}

test('an oplog rolled past the open stream of a paused processor: one history_lost, no loop of openings, everything delivered once', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const processor = await world.child('processor');
    const send = (count: number): Promise<unknown> => sendMany({ url: server.url, secret: INGEST_SECRET, count, concurrency: 20 });
    const lines = (name: string): readonly string[] => processor.output().split('\n').filter((line) => line.includes(`"event":"${name}"`));
    await send(50);
    await world.settled(50);
    process.kill(processor.pid, 'SIGSTOP');
    try {
      await send(200);
      await rollPast(world, await clusterTimeNow(world.db));
    } finally {
      process.kill(processor.pid, 'SIGCONT');
    }
    await processor.line('"event":"history.lost"');
    await world.settled(250);
    await send(50);
    await world.settled(300);
    assert.deepEqual([world.received().size, world.duplicates()], [300, 0]);
    assert.equal(lines('history.lost').length, 1);
    assert.ok(lines('stream.opened').length <= 3, lines('stream.opened').join('\n'));
  }));
