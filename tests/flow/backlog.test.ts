/** A backlog is worked off at a cost that grows with it and not with its square. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seedParked } from '../../torture/seed.ts';
import { useMongo } from '../support/mongo.ts';
import { ONE, register } from '../support/replay.ts';
import type { World } from '../support/world.ts';

const { inWorld } = useMongo();
const PARKED = 12_000;

async function documentsReturned({ db }: World): Promise<number> {
  const { metrics } = (await db.admin().serverStatus()) as unknown as { readonly metrics: { readonly document: { readonly returned: number | bigint } } };
  return Number(metrics.document.returned);
}

test('each parked delivery is read a bounded number of times, however many are parked beside it, and sent once', () =>
  inWorld({ env: { DOWNSTREAM_URL: undefined }, bodies: false }, async (world) => {
    await world.server(); // Makes the indexes.
    await register(world, ONE);
    await seedParked(world.store, ONE, PARKED, new AbortController().signal);
    const before = await documentsReturned(world);
    await world.processor();
    await world.settled(PARKED, 120_000);
    const each = (await documentsReturned(world) - before) / PARKED;
    assert.ok(each < 4.5, `${each.toFixed(2)} documents were read for each delivery; its event, itself, and once more while it is in memory are 3`);
    assert.equal(world.received().size, PARKED);
    assert.equal(world.duplicates(), 0);
  }));
