/** Retries and fresh deliveries share a limited lane, wherever they wait: neither a storm of the one nor a flood of the other takes more than half. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliveryIdOf, newEventId } from '../../src/domain/ids.ts';
import { firstClaim, type DeliveryClaim } from '../../src/domain/delivery.ts';
import { findDue, findDueOfAny, insertFirstResults, parkDeliveries } from '../../src/store/deliveries.ts';
import { insertEvents, markEvents } from '../../src/store/events.ts';
import { prepareDatabase } from '../../src/store/prepare.ts';
import { sendMany } from '../../tools/send/load.ts';
import { registerAt } from '../support/breaker.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { ONE } from '../support/replay.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

const { inWorld } = useMongo();
const RATE = 20;
/** What a lane of that rate has in memory when the others come: it was taken before they were there. */
const AHEAD = 5 * RATE;

/** Deliveries that failed once and are due again, one after the other in the last hour. */
async function dueRetries(world: World, count: number): Promise<void> {
  const at = Date.now() - 3_600_000;
  const attempt = { number: 1, quickRetry: 0, at: new Date(at), durationMs: 5, outcome: 'answered' as const, status: 500, error: null, responseExcerpt: null };
  const ids = Array.from({ length: count }, () => newEventId(at));
  await insertEvents(world.store, ids.map((id) => ({ id, source: 'test', idempotencyKey: id, fingerprint: id, type: 'order.created', targetIds: [ONE], body: Buffer.from('{}'), contentType: 'application/json', receivedAt: new Date(at) })));
  await insertFirstResults(world.store, ids.map((id, index) => ({
    claim: { id: deliveryIdOf(id, ONE), eventId: id, targetId: ONE, stored: false, generation: 0, attemptCount: 0 },
    attempts: [attempt], to: { state: 'waiting', wakeAt: new Date(at + index * 100) },
  })));
  await markEvents(world.store, 'FAILED_TEMPORARILY', ids);
}

test('retries that are due are found behind any number of fresh deliveries, and the other way round, without looking at those', () =>
  inWorld({ env: { DOWNSTREAM_URL: undefined } }, async (world) => {
    await prepareDatabase(world.store, 30);
    const claimAt = (at: number): DeliveryClaim => {
      const eventId = newEventId(at);
      return firstClaim(deliveryIdOf(eventId, ONE), eventId, ONE);
    };
    const early = Date.now() - 7_200_000;
    await parkDeliveries(world.store, Array.from({ length: 2_000 }, () => claimAt(early)), new Date(early));
    await dueRetries(world, 20);
    await world.db.command({ profile: 2 });
    assert.equal((await findDue(world.store, ONE, 'waiting', 10)).length, 10);
    assert.equal((await findDue(world.store, ONE, 'ready', 10)).length, 10);
    assert.equal((await findDueOfAny(world.store, [ONE], 30)).length, 30);
    await world.db.command({ profile: 0 });
    const reads = await world.db.collection('system.profile').find({ op: 'query', ns: `${world.db.databaseName}.deliveries` }).toArray();
    assert.deepEqual(reads.map(({ docsExamined, keysExamined }) => [Number(docsExamined) <= 30, Number(keysExamined) <= 32]), [[true, true], [true, true], [true, true]]);
  }));

for (const [retries, fresh] of [[300, 60], [60, 300]] as const) {
  const few = Math.min(retries, fresh);
  test(`${retries} due retries and ${fresh} fresh events: the fewer have half of the lane until they are through`, () =>
    inWorld({ env: { DOWNSTREAM_URL: undefined } }, async (world) => {
      await registerAt(world, ONE, { limits: { ratePerSecond: RATE, concurrency: 5 } });
      const server = await world.server();
      await dueRetries(world, retries);
      await sendMany({ url: server.url, secret: INGEST_SECRET, count: fresh, concurrency: fresh });
      await world.processor();
      const isFew = (attempt: number | null): boolean => (retries < fresh) === (attempt === 2);
      await eventually(() => assert.equal(world.sink.requests.filter(({ attempt }) => isFew(attempt)).length, few), { timeoutMs: 40_000, everyMs: 100 });
      const kinds = world.sink.requests.map(({ attempt }) => isFew(attempt));
      const [first, last] = [kinds.indexOf(true), kinds.lastIndexOf(true)];
      const share = few / (last - first + 1);
      assert.ok(first <= AHEAD / 2, `the first of the fewer came after ${first} of the others`);
      assert.ok(share >= 0.45, `while both waited, the fewer had ${Math.round(100 * share)} % of the lane`);
    }));
}
