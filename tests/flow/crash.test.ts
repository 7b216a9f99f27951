import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const SLOTS = 50;

test('SIGKILL of the processor five times under 5,000 events: none lost, duplicates at most what was in flight', () =>
  inWorld({ env: { GLOBAL_CONCURRENCY: String(SLOTS) } }, async (world) => {
    const server = await world.server();
    const load = sendMany({ url: server.url, secret: INGEST_SECRET, count: 5_000, concurrency: 50 });
    for (let kill = 1; kill <= 5; kill += 1) {
      const processor = await world.child('processor');
      const before = world.sink.requests.length;
      await eventually(() => assert.ok(world.sink.requests.length >= before + 300, 'deliveries flow'));
      await processor.kill('SIGKILL');
    }
    const last = await world.child('processor');
    const { accepted, failures } = await load;
    assert.deepEqual(failures, []);
    await world.settled(5_000, 60_000);
    assert.deepEqual(new Set(world.received().keys()), new Set(accepted.map(({ id }) => id)));
    assert.ok(world.duplicates() <= 5 * SLOTS, `${world.duplicates()} duplicates, at most ${5 * SLOTS} were in flight`);
    assert.equal((await last.kill('SIGTERM'), await last.exit).code, 0);
  }));

test('after a crash it says from where it resumed and how many events it caught up', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const first = await world.child('processor');
    await post(server.url);
    await world.settled(1);
    await eventually(async () => assert.equal(await world.store.resumeTokens.countDocuments(), 1));
    await first.kill('SIGKILL');
    for (let index = 0; index < 10; index += 1) await post(server.url);
    const second = await world.child('processor');
    const opened = JSON.parse(await second.line('"event":"stream.opened"')) as { from: string; ageMs: number };
    const caughtUp = JSON.parse(await second.line('"event":"stream.caughtUp"')) as { offered: number };
    assert.equal(opened.from, 'token');
    assert.ok(opened.ageMs > 0);
    assert.equal(caughtUp.offered, 10);
    await world.settled(11);
    assert.equal(world.duplicates(), 0);
  }));

test('SIGTERM under load: exit 0, nothing lost, nothing sent twice', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const load = sendMany({ url: server.url, secret: INGEST_SECRET, count: 3_000, concurrency: 50 });
    for (let stop = 1; stop <= 2; stop += 1) {
      const processor = await world.child('processor');
      const before = world.sink.requests.length;
      await eventually(() => assert.ok(world.sink.requests.length >= before + 300, 'deliveries flow'));
      await processor.kill('SIGTERM');
      assert.deepEqual(await processor.exit, { code: 0, signal: null });
    }
    assert.equal(await world.store.lanes.countDocuments({ owner: { $ne: null } }), 0, 'lanes are released');
    await world.child('processor');
    await load;
    await world.settled(3_000, 60_000);
    assert.equal(world.received().size, 3_000);
    assert.equal(world.duplicates(), 0);
  }));

test('SIGTERM of the server under load: every event it has acknowledged is delivered', () =>
  inWorld({}, async (world) => {
    const server = await world.child('server');
    await world.processor();
    const { url } = JSON.parse(await server.line('"event":"server.started"')) as { url: string };
    const load = sendMany({ url, secret: INGEST_SECRET, count: 3_000, concurrency: 50 });
    await eventually(() => assert.ok(world.sink.requests.length >= 300, 'deliveries flow'));
    await server.kill('SIGTERM');
    assert.equal((await server.exit).code, 0);
    const { accepted } = await load;
    await world.settled(await world.store.events.countDocuments());
    for (const { id } of accepted) assert.ok(world.received().has(id), `${id} was acknowledged and not delivered`);
  }));

test('a program does not outlive the one that started it', () =>
  inWorld({}, async (world) => {
    const processor = await world.child('processor');
    processor.disconnect();
    assert.deepEqual(await processor.exit, { code: 0, signal: null });
  }));

test('a program whose parent goes while it starts ends in order, once it runs', () =>
  inWorld({}, async (world) => {
    const processor = world.start('processor');
    processor.disconnect();
    assert.deepEqual(await processor.exit, { code: 0, signal: null }, processor.output());
  }));
