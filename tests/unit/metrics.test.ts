/** Metrics: what telemetry tells is counted, in a text that a scraper takes, under labels whose words are bounded. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeliveryId, EventId, TargetId } from '../../src/domain/ids.ts';
import { createBoundedLabel } from '../../src/runtime/metrics.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { allMetrics, measuring, NO_READINGS } from '../support/all-metrics.ts';

const EVENT = 'evt_1' as EventId;
const TARGET = 'tgt_a' as TargetId;
const attempt = { deliveryId: 'evt_1/tgt_a' as DeliveryId, targetId: TARGET, number: 1, error: null };

describe('a server', () => {
  test('counts events, refusals by code, faults, and how long routes took', async () => {
    const { telemetry, read } = measuring('server');
    for (const duplicate of [false, false, true]) telemetry.emit('event.accepted', { requestId: null, eventId: EVENT, type: 'order.created', duplicate });
    for (const code of ['invalid_signature', 'invalid_signature', 'overloaded']) telemetry.emit('request.refused', { requestId: null, code, status: 401 });
    telemetry.emit('request.failed', { requestId: null, error: 'x' });
    for (const tookMs of [1, 20, 3_000]) telemetry.emit('request.answered', { requestId: 'r', route: 'POST /api/v1/webhooks/ingest', status: 202, tookMs });
    const { series, sum } = await read();
    assert.deepEqual([series.get('hooktail_events_accepted_total{duplicate="false"}'), series.get('hooktail_events_accepted_total{duplicate="true"}')], [2, 1]);
    assert.deepEqual([sum('hooktail_requests_refused_total', 'invalid_signature'), sum('hooktail_requests_refused_total'), sum('hooktail_requests_failed_total')], [2, 3, 1]);
    const route = 'route="POST /api/v1/webhooks/ingest",status="202"';
    assert.deepEqual(['0.001', '0.025', '2.5', '5', '+Inf'].map((le) => series.get(`hooktail_http_request_duration_seconds_bucket{le="${le}",${route}}`)), [1, 2, 2, 3, 3]);
    assert.equal(series.get(`hooktail_http_request_duration_seconds_sum{${route}}`)?.toFixed(3), '3.021');
  });

  test('tells sizes and times of batches by what was written, and the troubles of the database', async () => {
    const { telemetry, read } = measuring('server');
    telemetry.emit('write.finished', { write: 'events', count: 70, tookMs: 4 });
    telemetry.emit('write.failed', { write: 'events', count: 12, error: 'x' });
    telemetry.emit('write.retried', { write: 'timers', error: 'x' });
    telemetry.emit('database.connectionsLost', { use: 'stream' });
    telemetry.emit('loop.failed', { loop: 'sweep', error: 'x' });
    const { sum } = await read();
    assert.deepEqual([sum('hooktail_write_batch_size_sum', 'events'), sum('hooktail_write_duration_seconds_count', 'events')], [70, 1]);
    assert.deepEqual([sum('hooktail_writes_failed_total', 'events'), sum('hooktail_writes_retried_total', 'timers'), sum('hooktail_mongo_connections_lost_total', 'stream'), sum('hooktail_loop_failures_total', 'sweep')], [12, 1, 1, 1]);
  });
});

describe('a processor', () => {
  test('counts attempts by what came of them, and results by verdict and target', async () => {
    const { telemetry, read } = measuring('processor');
    for (const status of [200, 204, 301, 404, 503, 999]) telemetry.emit('delivery.attempted', { ...attempt, outcome: 'answered', status, durationMs: 30 });
    telemetry.emit('delivery.attempted', { ...attempt, outcome: 'timeout', status: null, durationMs: 15_000 });
    for (const verdict of ['delivered', 'delivered', 'dead'] as const) telemetry.emit('delivery.settled', { deliveryId: attempt.deliveryId, targetId: TARGET, verdict, delayMs: null, reason: null });
    const { series, sum } = await read();
    const attempts = (outcome: string, statusClass: string): number | undefined => series.get(`hooktail_attempts_total{outcome="${outcome}",status_class="${statusClass}"}`);
    assert.deepEqual([attempts('answered', '2xx'), attempts('answered', '3xx'), attempts('answered', '4xx'), attempts('answered', '5xx'), attempts('answered', 'odd'), attempts('timeout', 'none')], [2, 1, 1, 1, 1, 1]);
    assert.equal(sum('hooktail_attempt_duration_seconds_sum', 'timeout'), 15);
    assert.deepEqual([series.get('hooktail_deliveries_settled_total{verdict="delivered",target="tgt_a"}'), sum('hooktail_deliveries_settled_total')], [2, 3]);
  });

  test('tells of its lanes, slots and stream as they are when it is asked', async () => {
    const readings = { lanesOwned: 7, lanesShut: 2, inMemory: 40, slots: 300, slotsInUse: 12, streamLagMs: 1_500 };
    let now = NO_READINGS;
    const { read } = measuring('processor', () => now);
    assert.equal((await read()).sum('hooktail_lanes_owned'), 0);
    now = readings;
    const { series } = await read();
    assert.deepEqual(['lanes_owned', 'lanes_shut', 'deliveries_in_memory', 'slots', 'slots_in_use', 'stream_lag_seconds'].map((name) => series.get(`hooktail_${name}`)), [7, 2, 40, 300, 12, 1.5]);
  });

  test('says whether its stream has caught up: not before it has, nor after it broke', async () => {
    const { telemetry, read } = measuring('processor');
    const caughtUp = async (): Promise<number> => (await read()).sum('hooktail_stream_caught_up');
    assert.equal(await caughtUp(), 0);
    telemetry.emit('stream.opened', { from: 'token', ageMs: 0 });
    telemetry.emit('stream.caughtUp', { changes: 1, offered: 1, tookMs: 1 });
    assert.equal(await caughtUp(), 1);
    telemetry.emit('stream.closed', { error: 'x' });
    assert.equal(await caughtUp(), 0);
    telemetry.emit('stream.caughtUp', { changes: 1, offered: 1, tookMs: 1 });
    telemetry.emit('history.lost', { error: 'x' });
    assert.equal(await caughtUp(), 0);
  });

  test('counts what the sweep found, timers, holds, and what was lost', async () => {
    const { telemetry, read } = measuring('processor');
    telemetry.emit('sweep.finished', { parked: 3, tookMs: 20 });
    telemetry.emit('timer.fired', { count: 5 });
    telemetry.emit('lane.held', { targetId: TARGET, holdMs: 1 });
    telemetry.emit('session.lost', { member: 'm', sessionId: 's', reason: 'expiry' });
    telemetry.emit('delivery.parked', { count: 9 });
    telemetry.emit('delivery.resultDropped', { deliveryId: attempt.deliveryId, targetId: TARGET });
    telemetry.emit('target.disabled', { targetId: TARGET, reason: 'x' });
    telemetry.emit('stream.batchRead', { changes: 11 });
    const { sum } = await read();
    const counts = ['sweep_parked', 'timers_fired', 'lane_holds', 'sessions_lost', 'deliveries_parked', 'results_dropped', 'targets_disabled', 'stream_changes'].map((name) => sum(`hooktail_${name}_total`));
    assert.deepEqual([...counts, sum('hooktail_sweep_duration_seconds_sum')], [3, 5, 1, 1, 9, 1, 1, 11, 0.02]);
  });
});

describe('labels', () => {
  test('name the first hundred targets, and all others together', async () => {
    const { telemetry, read } = measuring('processor');
    for (let number = 0; number < 5_000; number += 1) telemetry.emit('delivery.settled', { deliveryId: attempt.deliveryId, targetId: `tgt_${number % 500}` as TargetId, verdict: 'delivered', delayMs: null, reason: null });
    const { series, sum } = await read();
    assert.equal([...series.keys()].filter((key) => key.startsWith('hooktail_deliveries_settled_total')).length, 101);
    assert.deepEqual([sum('hooktail_deliveries_settled_total', 'target="tgt_99"'), sum('hooktail_deliveries_settled_total', 'target="other"'), sum('hooktail_deliveries_settled_total')], [10, 4_000, 5_000]);
  });

  test('hold nothing that senders and receivers make up', async () => {
    for (const program of ['server', 'processor'] as const) {
      const { telemetry, read } = measuring(program);
      telemetry.emit('event.accepted', { requestId: 'made-up', eventId: 'evt_made-up' as EventId, type: 'made-up', duplicate: false });
      telemetry.emit('target.registered', { targetId: TARGET, url: 'https://made-up.example/' });
      telemetry.emit('request.failed', { requestId: 'made-up', error: 'made-up' });
      telemetry.emit('delivery.attempted', { ...attempt, outcome: 'network', status: null, error: 'made-up', durationMs: 1 });
      telemetry.emit('delivery.settled', { deliveryId: 'evt_1/made-up' as DeliveryId, targetId: TARGET, verdict: 'dead', delayMs: null, reason: 'made-up' });
      telemetry.emit('stream.closed', { error: 'made-up' });
      assert.deepEqual([...(await read()).series.keys()].filter((key) => key.includes('made-up')), [], program);
    }
  });

  test('stay as they were once heard, however many come after', () => {
    const label = createBoundedLabel(2);
    assert.deepEqual(['a', 'b', 'c', 'a', 'd', 'b'].map(label), ['a', 'b', 'other', 'a', 'other', 'b']);
  });
});

describe('the text', () => {
  test('names every metric by the rules: ours with our prefix, counters ending in _total, times in seconds', async () => {
    for (const [name, type] of await allMetrics()) {
      assert.match(name, /^(hooktail|process|nodejs)_[a-z0-9_]+$/);
      if (name.startsWith('hooktail_')) assert.equal(name.endsWith('_total'), type === 'counter', name);
      assert.doesNotMatch(name, /_ms\b|_millis/);
    }
  });

  test('tells of the process from the first reading on', async () => {
    const { series } = await measuring('server').read();
    assert.ok((series.get('process_resident_memory_bytes') ?? 0) > 1_000_000);
    assert.ok([...series.keys()].some((key) => key.startsWith('nodejs_eventloop_lag')));
  });

  test('may be read twice at once, and by two programs in one process', async () => {
    const [one, other] = [measuring('server'), measuring('server')];
    one.telemetry.emit('request.failed', { requestId: null, error: 'x' });
    const [first, second, third] = await Promise.all([one.read(), one.read(), other.read()]);
    assert.deepEqual([first, second, third].map(({ sum }) => sum('hooktail_requests_failed_total')), [1, 1, 0]);
  });
});

test('what fails in measuring does not disturb the work', () => {
  const telemetry = createTelemetry();
  telemetry.listen(() => {
    throw new Error('cannot measure');
  });
  telemetry.emit('timer.fired', { count: 1 });
});
