import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();

test('two processors at once on one database send nothing twice', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    await Promise.all([world.processor({ PROCESSOR_NAME: 'one' }), world.processor({ PROCESSOR_NAME: 'two' })]);
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 2_000, concurrency: 50 });
    await world.settled(2_000);
    assert.equal(world.received().size, 2_000);
    assert.equal(world.duplicates(), 0);
  }));

test('a processor that joins and one that leaves, under load, send nothing twice and lose nothing', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const first = await world.processor({ PROCESSOR_NAME: 'one' });
    const load = sendMany({ url: server.url, secret: INGEST_SECRET, count: 4_000, concurrency: 20 });
    const second = await world.processor({ PROCESSOR_NAME: 'two' });
    await first.stop();
    await second.told.until('lane.taken');
    await load;
    await world.settled(4_000, 60_000);
    assert.equal(world.received().size, 4_000);
    assert.equal(world.duplicates(), 0);
  }));

test('two processors started at the same moment on one host, with no name set, take names of their own', () =>
  inWorld({}, async (world) => {
    const [first, second] = await Promise.all([world.child('processor'), world.child('processor')]);
    const sessions = await world.store.sessions.find().toArray();
    assert.equal(new Set(sessions.map(({ member }) => member)).size, 2);
    assert.ok(sessions.every(({ endedAt }) => endedAt === undefined));
    await Promise.all([first.kill('SIGTERM'), second.kill('SIGTERM')]);
  }));
