/** Counting attempts: added up in memory, written seldom, never when idle, and lost only by a crash. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHourCounts } from '../../src/delivery/hour-counts.ts';
import { LATENCY_BOUNDS_MS, LATENCY_CLASSES, latencyClassOf, latencyQuantile } from '../../src/domain/latency.ts';
import fc from 'fast-check';
import { ServerClock } from '../../src/runtime/server-clock.ts';
import type { Service } from '../../src/runtime/service.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import type { Store } from '../../src/store/store.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { idOf, TARGET_ID } from './delivery-parts.ts';

interface Addition {
  readonly updateOne: { readonly filter: { readonly _id: string }; readonly update: { readonly $inc: Readonly<Record<string, number>>; readonly $set?: { readonly lastError: string } } };
}

interface World {
  readonly counts: Service;
  readonly clock: FakeClock;
  readonly writes: (readonly Addition[])[];
  readonly attempt: (status: number | null, durationMs?: number, error?: string | null) => void;
  readonly fail: (times: number) => void;
}

async function world(): Promise<World> {
  const [clock, telemetry, writes]: [FakeClock, ReturnType<typeof createTelemetry>, World['writes']] = [new FakeClock(), createTelemetry(), []];
  let failures = 0;
  const targetHours = { bulkWrite: (operations: readonly Addition[]) => {
    failures -= 1;
    if (failures >= 0) return Promise.reject(new Error('No primary'));
    writes.push(operations);
    return Promise.resolve({});
  } };
  const counts = createHourCounts({ store: { targetHours } as unknown as Store, clock, serverClock: new ServerClock(clock), telemetry });
  await counts.start();
  return {
    counts, clock, writes, fail: (times) => (failures = times),
    attempt: (status, durationMs = 7, error = null) => telemetry.emit('delivery.attempted', { deliveryId: idOf(1), targetId: TARGET_ID, number: 1, outcome: status === null ? 'network' : 'answered', status, error, durationMs }),
  };
}

const totals = (writes: World['writes']): readonly (readonly [attempts: number | undefined, failures: number | undefined])[] => writes.flat().map(({ updateOne: { update: { $inc } } }) => [$inc['attempts'], $inc['failures']]);

test('many attempts are one write, ten seconds after the first of them, and a quiet target is none', async () => {
  const { clock, writes, attempt } = await world();
  for (let number = 0; number < 500; number += 1) attempt(number % 5 === 0 ? 500 : 204, number);
  await clock.advance(9_999);
  assert.equal(writes.length, 0);
  await clock.advance(1);
  assert.deepEqual(totals(writes), [[500, 100]]);
  const { $inc, $set } = writes[0]?.[0]?.updateOne.update ?? assert.fail('nothing was written');
  assert.equal(Object.entries($inc).filter(([name]) => name.startsWith('latency.')).reduce((sum, [, count]) => sum + count, 0), 500);
  assert.equal($set?.lastError, 'status 500');
  await clock.advance(3_600_000);
  assert.equal(writes.length, 1);
});

test('what was counted is written when it stops, and nothing is counted after', async () => {
  const { counts, clock, writes, attempt } = await world();
  attempt(null, 15_000, 'timeout: no answer');
  await counts.stop();
  assert.deepEqual([totals(writes), writes[0]?.[0]?.updateOne.update.$set?.lastError], [[[1, 1]], 'timeout: no answer']);
  attempt(200);
  await clock.advance(20_000);
  await counts.stop();
  assert.equal(writes.length, 1);
});

test('an hour that ends while it is counted is written as itself', async () => {
  const { clock, writes, attempt } = await world();
  await clock.advance(3_600_000 - (clock.now() % 3_600_000) - 1);
  attempt(200);
  await clock.advance(1);
  attempt(200);
  await clock.advance(10_000);
  const ids = writes.flat().map(({ updateOne: { filter: { _id } } }) => _id);
  assert.equal(new Set(ids).size, 2);
  assert.deepEqual(totals(writes), [[1, 0], [1, 0]]);
  for (const id of ids) assert.match(id, /^\d{4}-\d\d-\d\dT\d\dZ\/tgt_parts$/);
});

test('what could not be written is written with the next', async () => {
  const { clock, writes, attempt, fail } = await world();
  fail(1);
  attempt(200);
  await clock.advance(10_000);
  await settled();
  assert.equal(writes.length, 0);
  attempt(200);
  await clock.advance(10_000);
  assert.equal(totals(writes).reduce((sum, [attempts = 0]) => sum + attempts, 0), 2);
});

test('a quantile of classes is no further from the true one than its class is wide', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 50_000 }), { minLength: 1, maxLength: 200 }), fc.constantFrom(0.5, 0.95), (values, share) => {
    const counts = new Array<number>(LATENCY_CLASSES).fill(0);
    for (const value of values) counts[latencyClassOf(value)] = (counts[latencyClassOf(value)] ?? 0) + 1;
    const sorted = [...values].sort((a, b) => a - b);
    const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
    const told = latencyQuantile(counts, share) ?? NaN;
    const [from, to] = [LATENCY_BOUNDS_MS[latencyClassOf(exact) - 1] ?? 0, LATENCY_BOUNDS_MS[latencyClassOf(exact)] ?? Infinity];
    assert.ok(told >= from && told <= to, `${told} for ${exact}`);
  }));
});

test('nothing has no quantile, and what is beyond the last class is told as its beginning', () => {
  assert.equal(latencyQuantile([], 0.5), null);
  const counts = new Array<number>(LATENCY_CLASSES).fill(0);
  counts[latencyClassOf(1e9)] = 3;
  assert.equal(latencyQuantile(counts, 0.95), 60_000);
});
