import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { rolesOf } from '../support/primary.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

const { mongo, inWorld } = useMongo({ nodes: 3 });

/** Under load, something happens to the primary; every event acknowledged before, meanwhile and after is delivered. */
async function survives(world: World, happen: () => Promise<void>): Promise<void> {
  const server = await world.server();
  const processor = await world.processor();
  const enough = new AbortController();
  const load = sendMany({ url: server.url, secret: INGEST_SECRET, count: 100_000, concurrency: 10, signal: enough.signal });
  try {
    await eventually(() => assert.ok(world.sink.requests.length >= 200, 'deliveries flow'));
    await happen();
    const before = world.received().size;
    await eventually(() => assert.ok(world.received().size >= before + 200, 'deliveries flow again'), { timeoutMs: 30_000 });
  } finally {
    enough.abort();
  }
  const { accepted } = await load;
  await world.settled(await world.store.events.countDocuments(), 60_000);
  const received = world.received();
  for (const { id } of accepted) assert.ok(received.has(id), `${id} was acknowledged and not delivered`);
  assert.deepEqual(processor.told.all('history.lost'), []);
}

test('the primary of three is killed under load: both programs go on, and every 202 is delivered', () =>
  inWorld({}, (world) =>
    survives(world, async () => {
      const { primary: node } = await rolesOf(mongo());
      await node.kill();
      await mongo().waitForPrimary();
      await node.start();
    })));

test('case 23: the primary steps down under load: the same', () =>
  inWorld({}, (world) =>
    survives(world, async () => {
      await world.db.client.db('admin').command({ replSetStepDown: 5, force: true }).catch(() => undefined); // It closes the connection it answers on.
      await mongo().waitForPrimary();
    })));
