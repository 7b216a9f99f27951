/**
 * Upgrades: however many programs start at once, and whatever older ones have left behind, every database ends with exactly the
 * indexes that are wanted, and a program that is too old for it says so and touches nothing.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Db, IndexDescription } from 'mongodb';
import { newSessionId } from '../../src/domain/ids.ts';
import { FatalError } from '../../src/runtime/errors.ts';
import { connect } from '../../src/store/client.ts';
import { bringIndexesTo } from '../../src/store/index-changes.ts';
import { ensureIndexes, wantedIndexes } from '../../src/store/indexes.ts';
import { prepareDatabase } from '../../src/store/prepare.ts';
import { checkSchemaVersion, raiseSchemaVersion, SCHEMA_VERSION } from '../../src/store/schema-version.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { startChild } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { replay, seed } from '../support/replay.ts';
import type { World } from '../support/world.ts';

const { inWorld, mongo } = useMongo();

const DAYS = 30;
const PROGRAMS = 6;
const MINE = 'mine';

type Definition = Readonly<Record<string, unknown>>;

/** Every index but the one on `_id`, by collection and name, as the server tells them. */
async function indexesOf(db: Db): Promise<Readonly<Record<string, Definition>>> {
  const collections = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).filter((name) => !name.startsWith('system.'));
  const found: [string, Definition][] = [];
  for (const collection of collections.sort()) {
    const indexes = (await db.collection(collection).listIndexes().toArray()) as ({ readonly v: number; readonly name: string } & Definition)[];
    for (const { v: _version, name, ...rest } of indexes) if (name !== '_id_') found.push([`${collection}.${name}`, rest]);
  }
  return Object.fromEntries(found);
}

const wanted = (days = DAYS): Readonly<Record<string, Definition>> =>
  Object.fromEntries(Object.entries(wantedIndexes(days)).flatMap(([collection, indexes]) => indexes.map(({ name, ...rest }) => [`${collection}.${name}`, { ...rest }])));

/** A program of an older release, as far as its indexes tell: other keys, ages, filters and uniqueness, under the names of today and of before. */
const OLD: readonly (readonly [string, IndexDescription])[] = [
  ['events', { key: { source: 1, idempotencyKey: 1 }, name: 'idempotency' }],
  ['events', { key: { status: 1 }, name: 'failed' }],
  ['events', { key: { settledAt: 1 }, name: 'retention', expireAfterSeconds: 60 * 86_400 }],
  ['events', { key: { receivedAt: 1 }, name: MINE }],
  ['deliveries', { key: { wakeAt: 1 }, name: 'wake', sparse: true }],
  ['deliveries', { key: { settledAt: 1 }, name: 'retention' }],
  ['deliveries', { key: { targetId: 1, state: 1, _id: 1 }, name: 'state' }],
  ['deliveries', { key: { eventId: 1 }, name: 'event' }],
  ['deliveries', { key: { targetId: 1, wakeAt: 1 }, name: 'due' }],
  ['schedule', { key: { firedAt: 1 }, name: 'fired', expireAfterSeconds: 60 }],
  ['sessions', { key: { member: 1, endedAt: 1 }, name: 'member', unique: true }],
];

async function leaveOld(world: World): Promise<void> {
  for (const [collection, index] of OLD) await world.db.collection(collection).createIndexes([index]);
  for (let count = 0; count < 20; count += 1) await seed(world);
}

const withForeign = { 'events.mine': { key: { receivedAt: 1 } }, 'deliveries.due': { key: { targetId: 1, wakeAt: 1 } } };

/** As many programs as said, each with a connection of its own, do that at the same moment. */
async function atOnce(world: World, count: number, act: (store: Store) => Promise<unknown>): Promise<void> {
  const address = { uri: mongo().uri, database: world.db.databaseName };
  const connections = await Promise.all(Array.from({ length: count }, () => connect(address, 'stream')));
  try {
    await Promise.all(connections.map(({ db }) => act(openStore(db))));
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
  }
}

const fatal = (code: string, message: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof FatalError, `Expected a FatalError, got ${String(error)}`);
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

describe('indexes', () => {
  for (const round of [1, 2, 3]) {
    test(`six programs at once make a fresh database ready, round ${round}`, () =>
      inWorld({}, async (world) => {
        await atOnce(world, PROGRAMS, (store) => prepareDatabase(store, DAYS));
        assert.deepEqual(await indexesOf(world.db), wanted());
        assert.equal(await checkSchemaVersion(world.store), SCHEMA_VERSION);
      }));

    test(`six programs at once bring old definitions up to the wanted ones, and leave what is not ours alone, round ${round}`, () =>
      inWorld({}, async (world) => {
        await leaveOld(world);
        await atOnce(world, PROGRAMS, (store) => prepareDatabase(store, DAYS));
        const found = await indexesOf(world.db);
        assert.deepEqual(found, { ...wanted(), ...withForeign });
      }));
  }

  test('three servers and three processors started at once, on an old database, all come up, deliver, and leave the wanted indexes', () =>
    inWorld({}, async (world) => {
      await leaveOld(world);
      const names = ['one', 'two', 'three'];
      const children = await Promise.all([...names.map(() => world.child('server')), ...names.map((PROCESSOR_NAME) => world.child('processor', { PROCESSOR_NAME }))]);
      assert.deepEqual(await indexesOf(world.db), { ...wanted(), ...withForeign });
      assert.equal(await checkSchemaVersion(world.store), SCHEMA_VERSION);
      const { url } = JSON.parse((await children[0]?.line('"event":"server.started"')) ?? '{}') as { url: string };
      const { body } = await post(url);
      await eventually(() => assert.equal(world.received().get(body.id)?.length, 1));
    }));

  test('another retention changes the age in place, and builds nothing', () =>
    inWorld({}, async (world) => {
      await ensureIndexes(world.store, DAYS);
      const file = async (): Promise<unknown> => {
        const [stats] = await world.db.collection('events').aggregate<{ storageStats: { indexDetails: Record<string, { uri: string }> } }>([{ $collStats: { storageStats: {} } }]).toArray();
        return stats?.storageStats.indexDetails['pruning']?.uri ?? assert.fail('Expected the file of the index');
      };
      const before = await file();
      await ensureIndexes(world.store, 7);
      assert.deepEqual(await indexesOf(world.db), wanted(7));
      assert.deepEqual(await file(), before);
    }));

  test('a retired index goes, also when it stands in the way of its own successor, and only where it is named', () =>
    inWorld({}, async (world) => {
      const { db } = world;
      await db.collection('events').createIndexes([{ key: { type: 1 }, name: 'oldName' }]);
      await db.collection('events').createIndexes([{ key: { source: 1 }, name: 'useless' }]);
      await db.collection('targets').createIndexes([{ key: { source: 1 }, name: 'useless' }]);
      const retired = [{ collection: 'events', name: 'oldName' }, { collection: 'events', name: 'useless' }, { collection: 'events', name: 'neverThere' }, { collection: 'noCollection', name: 'x' }];
      await atOnce(world, PROGRAMS, (store) => bringIndexesTo(store.db, { wanted: { events: [{ key: { type: 1 }, name: 'newName' }] }, retired }));
      assert.deepEqual(await indexesOf(db), { 'events.newName': { key: { type: 1 } }, 'targets.useless': { key: { source: 1 } } });
    }));

  test('data that breaks a unique index is told in one line, with the values and the fix', () =>
    inWorld({}, async (world) => {
      await world.db.collection('events').insertMany([{ source: 'shop', idempotencyKey: 'abc' }, { source: 'shop', idempotencyKey: 'abc' }]);
      await assert.rejects(ensureIndexes(world.store, DAYS), fatal('index_duplicates', /unique index idempotency on events cannot be built: several documents hold \{"source":"shop","idempotencyKey":"abc"\}/));
      assert.match(await refusal('server', world), /^hooktail: The unique index idempotency on events .*Fix: keep one of them/);
    }));

  test('an index of somebody else with the keys of ours is named, with the fix, and not dropped', () =>
    inWorld({}, async (world) => {
      await world.db.collection('targets').createIndexes([{ key: { status: 1 }, name: MINE }]);
      await assert.rejects(ensureIndexes(world.store, DAYS), fatal('index_in_the_way', /The index mine on targets is what ours, status, must be, under another name/));
      assert.ok('targets.mine' in (await indexesOf(world.db)), 'Expected the index to be there still');
    }));

  test('a step-down is waited out', () =>
    inWorld({}, async (world) => {
      await leaveOld(world);
      const admin = world.db.admin();
      // Longer without a primary than a program's connection looks for one.
      let stepDown: Promise<unknown> | null = null;
      await atOnce(world, 3, async (store) => {
        await (stepDown ??= admin.command({ replSetStepDown: 4, secondaryCatchUpPeriodSecs: 0, force: true }));
        await ensureIndexes(store, DAYS);
      });
      await eventually(async () => assert.equal((await admin.command({ hello: 1 }))['isWritablePrimary'], true));
      assert.deepEqual(await indexesOf(world.db), { ...wanted(), ...withForeign });
    }));

  test('a dropped database is made ready again by a running processor, schema version included', () =>
    inWorld({}, async (world) => {
      await world.processor();
      await world.db.dropDatabase();
      await eventually(async () => assert.equal(await checkSchemaVersion(world.store), SCHEMA_VERSION));
      const { 'events.idempotency': idempotency } = await indexesOf(world.db);
      assert.deepEqual(idempotency, { key: { source: 1, idempotencyKey: 1 }, unique: true });
    }));
});

/** Starts a program that must not run; answers what it ends with. */
async function refusal(program: 'server' | 'processor', world: World): Promise<string> {
  const child = startChild(program, { ...world.env, LOG_LEVEL: 'silent' });
  try {
    assert.equal((await child.exit).code, 1);
    return await eventually(() => {
      assert.match(child.output(), /^hooktail: .*\n$/);
      return child.output().trim();
    });
  } finally {
    await child.end();
  }
}

describe('the schema version', () => {
  const write = (world: World, version: unknown): Promise<unknown> => world.db.collection<{ _id: string; version: unknown; changedAt: Date }>('meta').insertOne({ _id: 'schema', version, changedAt: new Date(0) });
  const read = (world: World): Promise<{ version?: unknown; changedAt?: Date } | null> => world.db.collection<{ _id: string; version: unknown; changedAt: Date }>('meta').findOne({ _id: 'schema' });

  test('is written once by forty programs at once', () =>
    inWorld({}, async (world) => {
      assert.equal(await checkSchemaVersion(world.store), null);
      await atOnce(world, 40, raiseSchemaVersion);
      const first = await read(world);
      assert.equal(first?.version, SCHEMA_VERSION);
      await raiseSchemaVersion(world.store);
      assert.deepEqual(await read(world), first);
    }));

  test('of an older database is raised, once its indexes are changed', () =>
    inWorld({}, async (world) => {
      await write(world, SCHEMA_VERSION - 1);
      await world.db.collection('events').insertMany([{ source: 'shop', idempotencyKey: 'abc' }, { source: 'shop', idempotencyKey: 'abc' }]);
      await assert.rejects(prepareDatabase(world.store, DAYS), fatal('index_duplicates', /idempotency/));
      assert.equal((await read(world))?.version, SCHEMA_VERSION - 1);
      await world.db.collection('events').deleteMany({});
      await prepareDatabase(world.store, DAYS);
      const { version, changedAt } = (await read(world)) ?? {};
      assert.equal(version, SCHEMA_VERSION);
      assert.ok((changedAt?.getTime() ?? 0) > 0, 'Expected the time of the change');
    }));

  for (const program of ['server', 'processor'] as const) {
    test(`newer than the ${program} knows is refused in one line, and nothing is touched`, () =>
      inWorld({}, async (world) => {
        await write(world, SCHEMA_VERSION + 1);
        const line = await refusal(program, world);
        assert.match(line, new RegExp(`^hooktail: Database t_\\w+ has schema version ${SCHEMA_VERSION + 1}, this program knows versions up to ${SCHEMA_VERSION}\\. Fix: upgrade this program`));
        assert.deepEqual(await indexesOf(world.db), {});
        assert.equal(await world.store.targets.countDocuments(), 0);
        assert.equal((await read(world))?.version, SCHEMA_VERSION + 1);
      }));
  }

  test('newer than the replay tool knows is refused with exit code 2', () =>
    inWorld({}, async (world) => {
      await write(world, SCHEMA_VERSION + 1);
      const { code, notes } = await replay(world, ['--yes']);
      assert.equal(code, 2);
      assert.match(notes.join('\n'), new RegExp(`has schema version ${SCHEMA_VERSION + 1}, this program knows versions up to ${SCHEMA_VERSION}\\. Fix: upgrade this program`));
    }));

  test('raised by a newer program between the look and the write is refused too', () =>
    inWorld({}, async (world) => {
      await write(world, SCHEMA_VERSION + 1);
      await assert.rejects(raiseSchemaVersion(world.store), fatal('schema_newer', new RegExp(`schema version ${SCHEMA_VERSION + 1}`)));
      assert.equal((await read(world))?.version, SCHEMA_VERSION + 1);
    }));

  test('that is no number belongs to somebody else, and is refused', () =>
    inWorld({}, async (world) => {
      await write(world, 'seven');
      await assert.rejects(prepareDatabase(world.store, DAYS), fatal('schema_unreadable', /got "seven"/));
    }));
});

describe('with one of three members dead', () => {
  const set = useMongo({ nodes: 3 });

  test('an index is still built on a collection with data, since a majority is enough', () =>
    set.inWorld({}, async (world) => {
      await world.store.sessions.insertOne({ _id: newSessionId(1), member: 'old', host: 'h', pid: 1, until: new Date(0), endedAt: new Date() });
      const [, , third] = set.mongo().nodes;
      assert.ok(third);
      await third.kill();
      try {
        await ensureIndexes(world.store, DAYS);
        assert.deepEqual(await indexesOf(world.db), wanted());
      } finally {
        await third.start();
      }
    }));
});
