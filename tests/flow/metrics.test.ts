/** Metrics and log lines of real programs: what went through them can be read off, by whoever may, and found by its ids. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FatalError } from '../../src/runtime/errors.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { readScrape, type Scrape } from '../support/prometheus.ts';

const { inWorld } = useMongo();
const TOKEN = 'a-token-for-whoever-reads-metrics';

async function scrape(url: string): Promise<Scrape> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'text/plain; version=0.0.4; charset=utf-8']);
  return readScrape(await answer.text());
}

test('a server and a processor tell what has gone through them', () =>
  inWorld({ env: { ADMIN_TOKEN: TOKEN, METRICS_PORT: '0' } }, async (world) => {
    const [server, processor] = [await world.server(), await world.processor()];
    for (const key of ['a', 'b', 'c', 'c']) await post(server.url, { key });
    await post(server.url, { secret: 'another' });
    await world.settled(3);
    const told = await scrape(server.url);
    assert.deepEqual([told.sum('hooktail_events_accepted_total', 'duplicate="false"'), told.sum('hooktail_events_accepted_total', 'duplicate="true"'), told.sum('hooktail_requests_refused_total', 'invalid_signature')], [3, 1, 1]);
    assert.equal(told.sum('hooktail_http_request_duration_seconds_count', 'route="POST /api/v1/webhooks/ingest",status="202"'), 4);
    const url = processor.url ?? assert.fail('the processor tells no address');
    await eventually(async () => {
      const { sum } = await scrape(url);
      const figures = [sum('hooktail_attempts_total', 'status_class="2xx"'), sum('hooktail_deliveries_settled_total', 'verdict="delivered",target="tgt_default"'), sum('hooktail_attempt_duration_seconds_count'), sum('hooktail_write_batch_size_sum', 'results'), sum('hooktail_lanes_owned'), sum('hooktail_lanes_shut'), sum('hooktail_slots_in_use'), sum('hooktail_deliveries_in_memory'), sum('hooktail_stream_caught_up')];
      assert.deepEqual(figures, [3, 3, 3, 3, 1, 0, 0, 0, 1]);
      assert.ok(sum('hooktail_stream_lag_seconds') < 5);
    });
    assert.deepEqual([(await fetch(`${url}/readyz`)).status, (await fetch(`${url}/livez`)).status, (await fetch(`${url}/metrics`)).status, (await fetch(`${server.url}/metrics`)).status], [200, 200, 401, 401]);
  }));

test('a processor without a port for metrics listens nowhere, and one for everybody needs a token', () =>
  inWorld({}, async (world) => {
    assert.equal((await world.processor()).url, undefined);
    await assert.rejects(world.processor({ METRICS_PORT: '0', METRICS_HOST: '0.0.0.0', PROCESSOR_NAME: 'open' }), (error) => error instanceof FatalError && error.code === 'admin_token_needed' && error.message.includes('METRICS_HOST'));
  }));

test('an event is found in the lines of every program by its id, and they hold nothing of its body or its secrets', () =>
  inWorld({ env: { LOG_LEVEL: 'debug' } }, async (world) => {
    const [server, processor] = [await world.child('server', { PORT: '0' }), await world.child('processor')];
    const { url } = JSON.parse(await server.line('"event":"server.started"')) as { readonly url: string };
    const { body, headers } = await post(url, { body: '{"type":"order.created","card":"4111-1111"}', headers: { 'x-request-id': 'trace-77' } });
    assert.equal(headers.get('x-request-id'), 'trace-77');
    await world.settled(1);
    const settled = JSON.parse(await processor.line('"event":"delivery.settled"')) as Readonly<Record<string, string>>;
    const accepted = JSON.parse(await server.line('"event":"event.accepted"')) as Readonly<Record<string, string>>;
    assert.deepEqual([accepted['requestId'], accepted['eventId'], settled['eventId'], settled['deliveryId'], settled['targetId']], ['trace-77', body.id, body.id, `${body.id}/tgt_default`, 'tgt_default']);
    for (const secret of ['4111', 'card', 'whsec_', 'v1,', world.env['INGEST_SECRET'] ?? '']) assert.ok(!(server.output() + processor.output()).includes(secret), secret);
  }));
