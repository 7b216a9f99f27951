/** A replay goes by what it has read: what died again since, after somebody else's replay, is another death and left alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensureIndexes } from '../../src/store/indexes.ts';
import { findSettled, replayDeliveries, type SettledDelivery } from '../../src/store/replay.ts';
import { answer } from '../../tools/sink/sink.ts';
import { useMongo } from '../support/mongo.ts';
import { ONE, register, replay, seed } from '../support/replay.ts';
import type { World } from '../support/world.ts';
import { writesOf } from '../support/writes.ts';

const { inWorld, mongo } = useMongo();

const deadOf = ({ store }: World): Promise<readonly SettledDelivery[]> => findSettled(store, { targetIds: [ONE], state: 'dead', after: null, before: null, limit: 10 });

test('a delivery that was replayed and died again is not moved by a replay that read it before', () =>
  inWorld({ behaviour: () => answer(500) }, async (world) => {
    await ensureIndexes(world.store, 30);
    await register(world, ONE);
    const id = await seed(world);
    const stale = await deadOf(world);
    const processor = await world.processor();
    assert.equal((await replay(world, ['--yes', '--wait'])).code, 1, 'dead again');
    await world.settled(1);
    await processor.stop();

    const { replayed, movedOn } = await replayDeliveries(world.store, stale);
    assert.deepEqual([replayed.length, movedOn.length], [0, 1]);
    const [now] = await deadOf(world);
    assert.deepEqual([now?.generation, now?.attemptCount], [1, 1]);
    assert.equal((await world.store.events.findOne({ _id: id }))?.status, 'FAILED_PERMANENTLY');
    assert.equal(world.sink.requests.length, 1);
  }));

test('of two replays of the same deliveries at once each delivery is moved by one and told by that one alone', () =>
  inWorld({}, async (world) => {
    await ensureIndexes(world.store, 30);
    await register(world, ONE);
    for (let count = 0; count < 40; count += 1) await seed(world);
    const dead = await findSettled(world.store, { targetIds: [ONE], state: 'dead', after: null, before: null, limit: 100 });
    const halves = [dead.slice(0, 20), dead.slice(20)];
    const forth = halves.map((half) => replayDeliveries(world.store, half));
    const back = halves.toReversed().map((half) => replayDeliveries(world.store, half));
    const results = await Promise.all([...forth, ...back]);
    const told = results.flatMap(({ replayed }) => replayed.map(({ id }) => id));
    assert.deepEqual(told.toSorted(), dead.map(({ id }) => id).toSorted());
    assert.equal(results.reduce((sum, { movedOn }) => sum + movedOn.length, 0), 40, 'and the other is told that it came too late');
    assert.deepEqual(await world.store.deliveries.distinct('generation'), [1]);
  }));

test('deliveries of several generations are replayed together, by one command', () =>
  inWorld({}, async (world) => {
    await ensureIndexes(world.store, 30);
    await register(world, ONE);
    for (let count = 0; count < 30; count += 1) await seed(world);
    const [first] = await deadOf(world);
    assert.ok(first);
    await world.store.deliveries.updateOne({ _id: first.id }, { $set: { generation: 4 } });
    const dead = await findSettled(world.store, { targetIds: [ONE], state: 'dead', after: null, before: null, limit: 100 });
    const writes = await writesOf({ uri: mongo().uri, databaseName: world.db.databaseName }, (store) => replayDeliveries(store, dead));
    const moves = writes.filter(({ command }) => command['update'] === 'deliveries' || command['findAndModify'] === 'deliveries');
    assert.equal(moves.length, 1);
    for (const { command } of moves) assert.deepEqual(command['writeConcern'], { w: 'majority', j: true });
    assert.deepEqual((await world.store.deliveries.distinct('generation')).toSorted(), [1, 5]);
    assert.equal(await world.store.schedule.countDocuments({ state: 'due' }), 30, 'and every lane is woken');
  }));
