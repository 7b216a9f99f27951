/**
 * Whatever reads the database and then offers to a lane must notice what left the lane's memory meanwhile: what was read of
 * it is older than what was done. And where something is parked, newcomers queue behind it. The collections here answer from
 * memory; what counts is when.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeliveryJob } from '../../src/domain/delivery.ts';
import type { DeliveryId, TargetId } from '../../src/domain/ids.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import type { Change } from '../../src/store/change-stream.ts';
import type { Store } from '../../src/store/store.ts';
import { createDispatch, type Dispatch } from '../../src/streams/dispatch.ts';
import { LaneBook, markParked, type OwnedLane } from '../../src/streams/lane-book.ts';
import { createOffering, type Offering } from '../../src/streams/offering.ts';
import type { LanePort } from '../../src/streams/ports.ts';
import { createSweep } from '../../src/streams/sweep.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { eventIdOf, idOf, jobOf, TARGET_ID } from './delivery-parts.ts';

const NEVER = new AbortController().signal;

interface Documents {
  readonly deliveries?: readonly object[];
  readonly events?: readonly object[];
}

/** Collections that find what they are given, in the state that is asked for and whatever else is; tells when they are being read. */
function storeOf({ deliveries = [], events = [] }: Documents, onRead: () => void = () => undefined): Store {
  const isAskedFor = (document: object, { state }: { readonly state?: unknown }): boolean => typeof state !== 'string' || ('state' in document && document.state === state);
  const finding = (documents: readonly object[]): object => ({ find: (filter: object) => ({ toArray: () => (onRead(), Promise.resolve(documents.filter((one) => isAskedFor(one, filter)))) }) });
  return { deliveries: finding(deliveries), events: finding(events) } as unknown as Store;
}

interface Bench {
  readonly book: LaneBook;
  readonly lane: OwnedLane;
  readonly offered: readonly DeliveryId[];
  readonly parked: readonly DeliveryId[];
  readonly offering: Offering;
  readonly dispatch: Dispatch;
  /** How often whoever fills lanes was told of something parked. */
  readonly calls: () => number;
  readonly park: (claims: readonly { readonly id: DeliveryId }[]) => Promise<void>;
}

interface BenchOptions {
  readonly hasParked?: boolean;
  /** Called whenever the lane is asked for an id; it knows none. */
  readonly has?: (id: DeliveryId) => void;
  readonly onRead?: () => void;
  readonly isFull?: boolean;
}

/** One owned lane, which takes what it is offered unless it is full. */
function bench(documents: Documents, { hasParked = false, has = () => undefined, onRead, isFull = false }: BenchOptions = {}): Bench {
  const [book, store] = [new LaneBook(), storeOf(documents, onRead)];
  const [offered, parked]: [DeliveryId[], DeliveryId[]] = [[], []];
  const port: LanePort = {
    targetId: TARGET_ID, room: 100, size: 0, retries: 0, isShut: false,
    has: (id) => (has(id), false),
    offer: ({ claim }: DeliveryJob) => (offered.push(claim.id), isFull ? 'full' : 'taken'),
    callBelow: () => undefined,
    hold: () => undefined,
    poke: () => undefined,
    drain: () => Promise.resolve(),
  };
  const lane: OwnedLane = { port, limits: { ratePerSecond: 0, concurrency: 0 }, isEnding: false, term: 1, takenAtMs: 0, catchingUp: false, hasParked, parkings: 0 };
  book.add(lane);
  const offering = createOffering(store, book);
  const park = (claims: readonly { readonly id: DeliveryId }[]): Promise<void> => (parked.push(...claims.map(({ id }) => id)), Promise.resolve());
  let calls = 0;
  const dispatch = createDispatch({ store, book, offering, park, onParked: () => (calls += 1) });
  return { book, lane, offered, parked, offering, dispatch, calls: () => calls, park };
}

const DUE: Documents = {
  deliveries: [{ _id: idOf(1), eventId: eventIdOf(1), targetId: TARGET_ID, generation: 0, attemptCount: 1, state: 'waiting', wakeAt: new Date(0) }],
  events: [{ _id: eventIdOf(1), type: null, body: Buffer.from('{}'), contentType: 'application/json', targetIds: [TARGET_ID] }],
};
const inserted: Change = { kind: 'eventInserted', event: jobOf(1).content, targetIds: [TARGET_ID] };
const fired: Change = { kind: 'timerDue', deliveryId: idOf(1) };

/** Every way from a reading to an offer. */
const ways: readonly (readonly [what: string, documents: Documents, offer: (bench: Bench) => Promise<unknown>])[] = [
  ['a fired timer', DUE, ({ dispatch }) => dispatch([fired], false)],
  ['a refill', DUE, ({ offering, lane }) => ((lane.hasParked = true), offering.refill(lane, NEVER))],
  ['an event that is looked up while the stream catches up', {}, ({ dispatch }) => dispatch([inserted], true)],
  ['an event that is looked up while the lane catches up', {}, ({ dispatch, lane }) => ((lane.catchingUp = true), dispatch([inserted], false))],
];

describe('what leaves memory while it is read', () => {
  for (const [what, documents, offer] of ways) {
    test(`is not offered again: ${what}`, async () => {
      const stale = bench(documents, { onRead: () => stale.book.noteForgotten(idOf(1)) });
      await offer(stale);
      assert.deepEqual([stale.offered, stale.parked], [[], []]);
    });

    test(`matters for nothing else: ${what}`, async () => {
      const fresh = bench(documents, { onRead: () => fresh.book.noteForgotten(idOf(2)) });
      fresh.book.noteForgotten(idOf(1)); // Before the reading: what is read is newer.
      await offer(fresh);
      assert.deepEqual(fresh.offered.slice(0, 1), [idOf(1)]);
    });
  }

  test('is not offered when it leaves between the delivery and its body', async () => {
    const stale = bench(DUE, { has: (id) => stale.book.noteForgotten(id) });
    await stale.dispatch([fired], false);
    assert.deepEqual(stale.offered, []);
  });

  for (const [what, asked, expected] of [['is not parked by the sweep', 2, []], ['and had left before is parked by the sweep', 0, [idOf(1)]]] as const) {
    test(what, async () => {
      let times = 0;
      // The sweep asks once for its first look and once for its second, which is when the reading is under way.
      const swept = bench({}, { has: (id) => ((times += 1), times === asked ? swept.book.noteForgotten(id) : undefined) });
      assert.deepEqual((await sweepOnce(swept, [TARGET_ID])).parked, expected);
    });
  }
});

interface Swept {
  readonly parked: readonly DeliveryId[];
  /** Events that the sweep wants marked if all their deliveries are there. */
  readonly rechecked: readonly string[];
}

/** One turn of the sweep over one event that is owed to these targets and has no delivery document. */
async function sweepOnce({ book, park, parked }: Bench, targetIds: readonly TargetId[]): Promise<Swept> {
  const rechecked: string[] = [];
  const sweep = createSweep({
    store: storeOf({ events: [{ _id: eventIdOf(1), targetIds }] }), clock: new FakeClock(), random: () => 0.5, telemetry: createTelemetry(),
    book, park, recheck: (events) => rechecked.push(...events.map(({ id }) => id)), streamReached: () => Promise.resolve(true), refill: () => undefined, repair: () => Promise.resolve(),
  });
  await sweep.start();
  for (let step = 0; step < 5; step += 1) await settled();
  await sweep.stop();
  return { parked, rechecked };
}

describe('an event owed to several lanes', () => {
  const OTHER = 'tgt_other' as TargetId;

  test('is parked for the one that has lost it, at once, while another still has it', async () => {
    const swept = bench({});
    swept.book.add({ ...swept.lane, port: { ...swept.lane.port, targetId: OTHER, has: () => true } });
    assert.deepEqual(await sweepOnce(swept, [OTHER, TARGET_ID]), { parked: [idOf(1)], rechecked: [] });
  });

  test('is parked for ours where the other lane is somebody else\'s, and may be marked', async () => {
    assert.deepEqual(await sweepOnce(bench({}), [OTHER, TARGET_ID]), { parked: [idOf(1)], rechecked: [eventIdOf(1)] });
  });
});

describe('where something is parked', () => {
  test('newcomers are parked behind it, not offered before it', async () => {
    const { dispatch, lane, offered, parked } = bench({}, { hasParked: true });
    await dispatch([inserted], false);
    assert.deepEqual([offered, parked, lane.parkings], [[], [idOf(1)], 1]);
  });

  test('a fired timer waits its turn as well: it is not even read', async () => {
    const { dispatch, offered, parked } = bench(DUE, { hasParked: true });
    await dispatch([fired], false);
    assert.deepEqual([offered, parked], [[], []]);
  });

  test('so whoever fills its lane just now reads again: what has fired meanwhile may not be in what was read', async () => {
    let reads = 0;
    const filling = bench({}, { hasParked: true, onRead: () => ((reads += 1) === 1 ? void filling.dispatch([fired], false) : undefined) });
    await filling.offering.refill(filling.lane, NEVER);
    assert.equal(reads, 4, 'fresh deliveries and retries, twice each');
  });

  test('and no longer: they are offered', async () => {
    const { dispatch, offered, parked } = bench({});
    await dispatch([inserted], false);
    assert.deepEqual([offered, parked], [[idOf(1)], []]);
  });

  test('whoever fills lanes is told of the first that is parked, and not of those behind it', async () => {
    const { dispatch, calls } = bench({}, { isFull: true });
    await dispatch([inserted], false);
    assert.equal(calls(), 1);
    await dispatch([inserted], false);
    assert.equal(calls(), 1);
  });
});

describe('a refill', () => {
  /** Reads that find something parked the first time, after they have looked. */
  function refilling(isFull: boolean): { readonly reads: () => number; readonly refill: () => Promise<number>; readonly lane: OwnedLane } {
    let reads = 0;
    const { offering, lane } = bench(isFull ? DUE : {}, { hasParked: true, isFull, onRead: () => ((reads += 1) === 1 ? markParked(lane) : undefined) });
    return { reads: () => reads, refill: () => offering.refill(lane, NEVER), lane };
  }

  test('reads again when something was parked while it read, for nobody else will', async () => {
    const { reads, refill, lane } = refilling(false);
    await refill();
    assert.deepEqual([reads(), lane.hasParked], [4, false], 'fresh deliveries and retries, twice each');
  });

  test('does not while the lane takes nothing', async () => {
    const { reads, refill, lane } = refilling(true);
    await refill();
    assert.deepEqual([reads(), lane.hasParked], [3, true], 'fresh deliveries, retries and their bodies, once each');
  });
});
