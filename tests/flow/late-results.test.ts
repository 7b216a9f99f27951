/** Results that meet another state of things than the one they were sent under: a proven success counts, a late failure does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSettler, type SettleResult } from '../../src/delivery/settle.ts';
import type { DeliveryClaim } from '../../src/domain/delivery.ts';
import { firstClaim } from '../../src/domain/delivery.ts';
import { deliveryIdOf, newEventId } from '../../src/domain/ids.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createPersist } from '../../src/runtime/persist.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { parkDeliveries, type SettledState } from '../../src/store/deliveries.ts';
import type { DeliveryDocument } from '../../src/store/store.ts';
import { useMongo } from '../support/mongo.ts';
import { ONE } from '../support/replay.ts';
import type { World } from '../support/world.ts';

const { inWorld } = useMongo();

interface Bench {
  readonly claim: DeliveryClaim;
  readonly settle: (claim: DeliveryClaim, to: SettledState, at?: Date) => Promise<SettleResult>;
  readonly stored: () => Promise<DeliveryDocument | null>;
}

/** One delivery that nothing is written about yet, and the settler alone, without lanes or streams. */
function benchOf({ store }: Pick<World, 'store'>): Bench {
  const eventId = newEventId(Date.now());
  const claim = firstClaim(deliveryIdOf(eventId, ONE), eventId, ONE);
  const persist = createPersist({ clock: systemClock, telemetry: createTelemetry(), signal: new AbortController().signal });
  const settler = createSettler({ store, clock: systemClock, persist, slots: 300, onTimer: () => undefined });
  return {
    claim,
    settle: (belief, to, at = new Date()) => {
      const status = to.state === 'delivered' ? 200 : 500;
      const attempt = { number: belief.attemptCount + 1, quickRetry: 0, at, durationMs: 5, outcome: 'answered' as const, status, error: null, responseExcerpt: null };
      return settler.add({ claim: belief, attempts: [attempt], to });
    },
    stored: () => store.deliveries.findOne({ _id: claim.id }),
  };
}

const delivered = (): SettledState => ({ state: 'delivered', at: new Date() });
const dead = (): SettledState => ({ state: 'dead', at: new Date(), reason: 'exhausted: status 500, 1 attempts' });
const waiting = (inMs = 60_000): SettledState => ({ state: 'waiting', wakeAt: new Date(Date.now() + inMs) });

test('what was sent straight from the stream and parked meanwhile is settled by its result', () =>
  inWorld({}, async ({ store }) => {
    for (const to of [delivered(), dead(), waiting()]) {
      const { claim, settle, stored } = benchOf({ store });
      await parkDeliveries(store, [claim], new Date());
      assert.equal(await settle(claim, to), 'written');
      const now = await stored();
      assert.deepEqual([now?.state, now?.attemptCount, now?.attempts.length], [to.state, 1, 1]);
      assert.equal(now?.wakeAt === undefined, to.state !== 'waiting', 'only what waits is woken');
    }
  }));

test('a late failure changes nothing: not what has been tried since, not what was replayed, not what is settled', () =>
  inWorld({}, async (world) => {
    const { claim, settle, stored } = benchOf(world);
    assert.equal(await settle(claim, waiting()), 'written');
    const open = { ...claim, stored: true };
    assert.equal(await settle({ ...open, attemptCount: 1 }, waiting()), 'written');
    for (const belief of [claim, open, { ...open, attemptCount: 1 }, { ...open, attemptCount: 2, generation: 1 }]) {
      const before = await stored();
      for (const to of [waiting(), dead()]) assert.equal(await settle(belief, to, new Date(0)), 'late');
      assert.deepEqual(await stored(), before);
    }
    assert.equal(await settle({ ...open, attemptCount: 2 }, delivered()), 'written');
    const before = await stored();
    assert.equal(await settle({ ...open, attemptCount: 2 }, dead(), new Date(0)), 'late');
    assert.deepEqual(await stored(), before);
  }));

test('a proven success counts in any unsettled state, even when others have tried since', () =>
  inWorld({}, async (world) => {
    const { claim, settle, stored } = benchOf(world);
    await settle(claim, waiting());
    await settle({ ...claim, stored: true, attemptCount: 1 }, waiting());
    assert.equal(await settle(claim, delivered()), 'written');
    assert.equal((await stored())?.state, 'delivered');
  }));

test('a result that is told twice, its first answer having been lost, is written once and not late', () =>
  inWorld({}, async (world) => {
    const { claim, settle, stored } = benchOf(world);
    const at = new Date();
    assert.equal(await settle(claim, dead(), at), 'written');
    assert.equal(await settle(claim, dead(), at), 'written');
    assert.equal((await stored())?.attempts.length, 1);
  }));

test('a delivery never waits without a timer to wake it', () =>
  inWorld({}, async (world) => {
    const { claim, settle } = benchOf(world);
    const to = waiting();
    await settle(claim, to);
    const timers = await world.store.schedule.find().toArray();
    assert.deepEqual(timers.map(({ state, targetId, dueAt }) => [state, targetId, dueAt]), [['waiting', ONE, to.state === 'waiting' ? to.wakeAt : null]]);
  }));
