import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventView } from '../../tools/send/api.ts';
import { answer } from '../../tools/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';

const { inWorld } = useMongo();

const read = async (url: string, id: string, token?: string): Promise<Response> => fetch(`${url}/api/v1/events/${id}`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
const view = async (url: string, id: string): Promise<EventView> => (await (await read(url, id)).json()) as EventView;

test('an event tells of each delivery, its attempts, and when the next one comes', () =>
  inWorld({ env: { RETRY_SCHEDULE: '1h' }, behaviour: () => answer(503, { body: 'try later' }) }, async (world) => {
    const { url } = await world.server();
    await world.processor();
    const { body } = await post(url, { key: 'abc', body: '{"type":"order.created"}' });
    const event = await eventually(async () => {
      const now = await view(url, body.id);
      assert.equal(now.status, 'FAILED_TEMPORARILY');
      return now;
    });
    assert.equal(event.type, 'order.created');
    assert.equal(event.idempotencyKey, 'abc');
    assert.equal(event.bodyBytes, 24);
    const [delivery] = event.deliveries;
    assert.equal(delivery?.state, 'waiting');
    const [attempt] = delivery.attempts;
    assert.deepEqual([attempt?.number, attempt?.status, attempt?.responseExcerpt], [1, 503, 'try later']);
    const waitMs = Date.parse(delivery.nextAttemptAt ?? '') - Date.now();
    assert.ok(waitMs > 0.75 * 3_600_000 && waitMs < 1.25 * 3_600_000, `the next attempt in ${waitMs} ms`);
  }));

test('without a target, an event is stored and says that it is unrouted', () =>
  inWorld({ env: { DOWNSTREAM_URL: '' } }, async (world) => {
    const { url } = await world.server();
    const { status, body } = await post(url);
    assert.deepEqual([status, body.status], [202, 'UNROUTED']);
    assert.deepEqual((await view(url, body.id)).deliveries, []);
  }));

test('an event that does not exist, and an id that is none, are 404', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    assert.equal((await read(url, 'evt_01ARZ3NDEKTSV4RRFFQ69G5FAV')).status, 404);
    assert.equal((await read(url, 'nonsense')).status, 404);
  }));

test('reading needs the token, when there is one', () =>
  inWorld({ env: { ADMIN_TOKEN: 'a-token-for-the-tests' } }, async (world) => {
    const { url } = await world.server();
    const { body } = await post(url);
    assert.equal((await read(url, body.id)).status, 401);
    assert.equal((await read(url, body.id, 'another-token-for-tests')).status, 401);
    assert.equal((await read(url, body.id, 'a-token-for-the-tests')).status, 200);
    assert.equal((await fetch(`${url}/livez`)).status, 200);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
  }));

test('a private address is refused, once and for all, unless its network is listed', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    await world.processor({ SSRF_ALLOW_CIDRS: '10.0.0.0/8', DOWNSTREAM_URL: undefined }); // The rules have changed since the target was saved.
    const { body } = await post(url);
    await world.settled(1);
    const event = await view(url, body.id);
    assert.equal(event.status, 'FAILED_PERMANENTLY');
    assert.match(event.deliveries[0]?.reason ?? '', /^blocked: 127\.0\.0\.1 is a loopback address/);
    assert.equal(world.sink.requests.length, 0);
  }));
