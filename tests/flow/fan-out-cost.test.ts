/** What a fan-out asks of MongoDB: with ten targets an event, no more commands a delivery than with one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TargetId } from '../../src/domain/ids.ts';
import { registerTarget } from '../../src/store/targets.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { postBatch } from '../support/post.ts';
import { DOWNSTREAM_SECRET, type World } from '../support/world.ts';

const { inWorld } = useMongo();
const DELIVERIES = 4_000;
const FINDS_OF_TIME = 12;
/** Batches are made by time, so one slow moment of the machine makes more of them, or fewer; it must not decide. */
const ROUNDS = 3;
const COUNTED = ['insert', 'update', 'find', 'findAndModify', 'delete'] as const;

type Counts = Readonly<Record<(typeof COUNTED)[number], number>>;

/** Commands that the server has ever been sent. The test itself only aggregates meanwhile. */
async function commandsOf({ db }: World): Promise<Counts> {
  const { metrics } = await db.admin().serverStatus() as { readonly metrics: { readonly commands: Readonly<Record<string, { readonly total: number }>> } };
  return Object.fromEntries(COUNTED.map((name) => [name, metrics.commands[name]?.total ?? 0])) as Counts;
}

/** How many commands one delivery took, when each event has so many targets. */
async function commandsPerDelivery(targets: number): Promise<{ readonly all: number; readonly finds: number; readonly told: string }> {
  let result = { all: NaN, finds: NaN, told: '' };
  await inWorld({ env: { DOWNSTREAM_URL: '' }, bodies: false }, async (world) => {
    for (let number = 0; number < targets; number += 1) {
      await registerTarget(world.store, { id: `tgt_fan${number}` as TargetId, url: `${world.sinkUrl}/${number}`, eventTypes: ['*'], secrets: [DOWNSTREAM_SECRET], freshSecret: '', limits: { ratePerSecond: 0, concurrency: 0 }, timeoutMs: 15_000, retry: { scheduleMs: [1_000], maxAttempts: null } });
    }
    const [{ url }, processor] = [await world.server(), await world.processor()];
    await eventually(() => assert.equal(processor.told.all('lane.taken').length, targets));
    await processor.told.until('sweep.finished');
    await processor.told.until('stream.caughtUp');
    const events = DELIVERIES / targets;
    const before = await commandsOf(world);
    for (let from = 0; from < events; from += 400) await postBatch(url, { key: `fan-${from}`, body: JSON.stringify(Array.from({ length: Math.min(400, events - from) }, (_, number) => ({ number }))) });
    await world.settled(events);
    const after = await commandsOf(world);
    const counts = Object.fromEntries(COUNTED.map((name) => [name, after[name] - before[name]])) as Counts;
    result = { all: Object.values(counts).reduce((sum, count) => sum + count, 0) / DELIVERIES, finds: counts.find, told: JSON.stringify(counts) };
  });
  return result;
}

test('ten targets cost no more commands a delivery than one', async () => {
  let [one, ten, told] = [0, 0, ''];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [ofOne, ofTen] = [await commandsPerDelivery(1), await commandsPerDelivery(10)];
    // What lanes here have in memory need not be read back. Sweeps and renewals ask now and then, whatever there is to do.
    assert.ok(ofTen.finds <= ofOne.finds + FINDS_OF_TIME, `${ofTen.finds} finds with ten, ${ofOne.finds} with one`);
    [one, ten, told] = [one + ofOne.all, ten + ofTen.all, `${told}; ${ofTen.told} with ten, ${ofOne.told} with one`];
  }
  assert.ok(ten <= one, `${ten} with ten, ${one} with one, summed over ${ROUNDS} rounds of ${DELIVERIES} deliveries each${told}`);
});
