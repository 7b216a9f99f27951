/** A primary that was cut off takes events nobody confirms, and loses them when it comes back. None was acknowledged, none is sent. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EventDocument } from '../../src/store/store.ts';
import type { MongoNode } from '../../tools/local-mongo.ts';
import { sendMany } from '../../tools/send/load.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { onNode, rolesOf } from '../support/primary.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

const { mongo, inWorld } = useMongo({ nodes: 3 });

const KEYS = Array.from({ length: 10 }, (_, index) => `cut-off-${index}`);

const idsOn = (node: MongoNode, world: World): Promise<readonly string[]> =>
  onNode(node, world.db.databaseName, async (db) => (await db.collection<EventDocument>('events').find({ idempotencyKey: { $in: KEYS } }).toArray()).map(({ _id }) => _id));

test('what a primary that was cut off took is rolled back: it was never acknowledged and never sent, and repeats are delivered once', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 50, concurrency: 10 });
    await world.settled(50);

    // Killed, not paused: a paused secondary would find the events in its sockets once it goes on.
    const { primary, secondaries } = await rolesOf(mongo());
    await Promise.all(secondaries.map((node) => node.kill()));
    const answers = await Promise.all(KEYS.map((key) => post(server.url, { key })));
    assert.deepEqual(answers.map(({ status }) => status), KEYS.map(() => 503));
    const cutOff = await idsOn(primary, world);
    assert.ok(cutOff.length > 0, 'the primary took events that nobody confirmed');
    await primary.kill();

    await Promise.all(secondaries.map((node) => node.start()));
    await mongo().waitForPrimary();
    await primary.start();
    await eventually(async () => assert.deepEqual((await idsOn(primary, world)).filter((id) => cutOff.includes(id)), []), { timeoutMs: 30_000, everyMs: 200 });
    assert.ok(existsSync(join(primary.dbPath, 'rollback')), 'the old primary has rolled back');

    for (const key of KEYS) await eventually(async () => assert.equal((await post(server.url, { key })).status, 202), { timeoutMs: 20_000, everyMs: 100 });
    await world.settled(50 + KEYS.length, 60_000);
    const stored = new Set((await world.store.events.find().toArray()).map(({ _id }) => String(_id)));
    assert.deepEqual([...world.received().keys()].filter((id) => !stored.has(id)), [], 'sent and not in the database');
    assert.equal(world.received().size, 50 + KEYS.length);
    assert.equal(world.duplicates(), 0);
    assert.deepEqual(processor.told.all('process.failed'), []);
  }));
