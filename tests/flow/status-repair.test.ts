/** A status word whose mark was lost is put right, also when that comes to light while others are just being put right. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventId } from '../../src/domain/ids.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { ServerClock } from '../../src/runtime/server-clock.ts';
import { findDoubtful } from '../../src/store/events.ts';
import { ensureIndexes } from '../../src/store/indexes.ts';
import type { Store } from '../../src/store/store.ts';
import { createRepair } from '../../src/streams/repair.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { ONE, seed } from '../support/replay.ts';

const { inWorld } = useMongo();

/** As an event stands when its delivery was written and its mark was not. */
const loseMark = ({ events }: Store, id: EventId): Promise<unknown> => events.updateOne({ _id: id }, { $set: { status: 'RECEIVED' }, $unset: { settledAt: '' } });

/** The same store; once events were first looked at, something happens before that is known. */
function afterFirstLook(store: Store, act: () => Promise<void>): Store {
  let looks = 0;
  const find = (...query: Parameters<Store['events']['find']>): object => {
    const cursor = store.events.find(...query);
    return { toArray: async () => {
      const found = await cursor.toArray();
      looks += 1;
      if (looks === 1) await act();
      return found;
    } };
  };
  return { ...store, events: Object.create(store.events, { find: { value: find } }) as Store['events'] };
}

test('a mark that is lost while a round of repair is under way is found by that round or the next', () =>
  inWorld({}, async (world) => {
    const { store } = world;
    await ensureIndexes(store, 30);
    const id = await seed(world, { ageMs: 5_000, states: { [ONE]: 'delivered' } });
    await eventually(async () => assert.deepEqual(await findDoubtful(store, [id]), []));
    const repair = createRepair(afterFirstLook(store, async () => {
      await loseMark(store, id);
      repair.suspectRecent();
    }), new ServerClock(systemClock));
    const { signal } = new AbortController();
    repair.suspectRecent();
    await repair.run(signal);
    await repair.run(signal);
    assert.equal((await store.events.findOne({ _id: id }))?.status, 'DELIVERED');
  }));
