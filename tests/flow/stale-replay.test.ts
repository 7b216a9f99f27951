/** A replay goes by what it has read: what died again since, after somebody else's replay, is another death and left alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensureIndexes } from '../../src/store/indexes.ts';
import { findSettled, replayDeliveries, type SettledDelivery } from '../../src/store/replay.ts';
import { answer } from '../../tools/sink/sink.ts';
import { useMongo } from '../support/mongo.ts';
import { ONE, register, replay, seed } from '../support/replay.ts';
import type { World } from '../support/world.ts';

const { inWorld } = useMongo();

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
