/** Targets over the API: made, read, listed, changed, paused, tested and deleted, and what is refused. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { TargetId } from '../../src/domain/ids.ts';
import { answer } from '../../tools/sink/sink.ts';
import { admin, makeTarget } from '../support/admin.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';

const { inWorld } = useMongo();
/** Within this a change is in force everywhere: waited for, not tried again and again until it holds. */
const IN_FORCE_MS = 1_000;

test('a target is made with what was said and defaults for the rest, and its secret is told once and nowhere again', () =>
  inWorld({ env: { RATE_LIMIT_PER_SECOND: '7', TARGET_CONCURRENCY: '4', RETRY_SCHEDULE: '1s,2s' } }, async (world) => {
    const { url } = await world.server();
    const sent = { url: `${world.sinkUrl}/a`, eventTypes: ['order.*', '!order.debug'], filter: { path: 'data.amount', gte: 10 }, timeoutMs: 1_000, headers: { 'X-Tenant': 'a', authorization: 'Bearer of news' }, description: 'Ours', metadata: { team: 'billing' } };
    const { status, etag, body } = await admin(url, 'POST /targets', { body: sent });
    const { secret, ...made } = body as unknown as { readonly secret: string; readonly id: string; readonly createdAt: string };
    assert.deepEqual([status, etag], [201, '"1"']);
    assert.match(secret, /^whsec_/);
    const { id, createdAt, ...rest } = made;
    assert.match(id, /^tgt_[0-9A-Z]{26}$/);
    assert.ok(Math.abs(Date.parse(createdAt) - Date.now()) < 60_000);
    assert.deepEqual(rest, { ...sent, headers: { 'x-tenant': 'a', authorization: '***' }, ratePerSecond: 7, concurrency: 4, retryScheduleMs: [1_000, 2_000], maxAttempts: null, status: 'active', statusReason: null, version: 1 });
    const read = await admin(url, `GET /targets/${id}`);
    assert.deepEqual([read.status, read.etag, read.body], [200, '"1"', made]);
    for (const shown of [read, await admin(url, 'GET /targets')]) assert.equal(JSON.stringify(shown).includes('whsec_'), false);
  }));

test('a target that an older version stored is read, with defaults for what it lacks', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    await world.store.targets.updateOne({ _id: 'tgt_default' as TargetId }, { $unset: { filter: '', headers: '', metadata: '', description: '', createdAt: '' } });
    const { body } = await admin(url, 'GET /targets/tgt_default');
    assert.deepEqual([body['filter'], body['headers'], body['metadata'], body['description'], body['createdAt']], [null, {}, {}, null, null]);
  }));

test('pages follow each other by id, whole and without a repeat, also while targets are added', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const made = [];
    for (let number = 0; number < 7; number += 1) made.push((await makeTarget(url, { url: world.sinkUrl })).id);
    const seen: string[] = [];
    for (let after: string | null | undefined = undefined; after !== null; ) {
      const page: Readonly<Record<string, unknown>> = (await admin(url, `GET /targets?limit=3${after === undefined ? '' : `&after=${after}`}`)).body;
      seen.push(...(page['targets'] as { readonly id: string }[]).map(({ id }) => id));
      after = page['after'] as string | null;
      if (seen.length === 3) await makeTarget(url, { url: world.sinkUrl });
    }
    assert.equal(new Set(seen).size, seen.length);
    assert.deepEqual(made.filter((id) => !seen.includes(id)), []);
    assert.deepEqual(seen, [...seen].sort());
    for (const query of ['limit=0', 'limit=101', 'limit=x', 'after=evt_1']) assert.equal((await admin(url, `GET /targets?${query}`)).body.code, 'invalid_query', query);
  }));

test('a change needs the version that was read: without it 428, with another 412, and of two at once one is made', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const { id } = await makeTarget(url, { url: world.sinkUrl });
    const change = (description: string, ifMatch?: string): ReturnType<typeof admin> => admin(url, `PATCH /targets/${id}`, { body: { description }, ...(ifMatch === undefined ? {} : { ifMatch }) });
    assert.deepEqual((({ status, body }) => [status, body.code])(await change('a')), [428, 'precondition_required']);
    assert.deepEqual((({ status, body }) => [status, body.code])(await change('a', '"2"')), [412, 'precondition_failed']);
    assert.deepEqual((({ status }) => status)(await change('a', 'W/"1"')), 412);
    const both = await Promise.all(['one', 'two'].map((text) => change(text, '"1"')));
    assert.deepEqual(both.map(({ status }) => status).sort(), [200, 412]);
    const { body } = await admin(url, `GET /targets/${id}`);
    assert.deepEqual([body.version, body['description']], [2, both.find(({ status }) => status === 200)?.body['description']]);
    assert.equal((await change('three', '"7", "2"')).etag, '"3"');
    assert.deepEqual((({ status, body: { code } }) => [status, code])(await admin(url, `DELETE /targets/${id}`)), [428, 'precondition_required']);
    assert.deepEqual((({ status, body: { code } }) => [status, code])(await admin(url, 'PATCH /targets/tgt_none', { body: {}, ifMatch: '"1"' })), [404, 'not_found']);
  }));

test('what cannot be delivered to is refused with each fault in its place, and nothing is stored', () =>
  inWorld({ env: { SSRF_ALLOW_CIDRS: '10.1.0.0/16', DOWNSTREAM_URL: undefined } }, async (world) => {
    const { url } = await world.server();
    const faultsOf = async (body: object): Promise<unknown> => (({ status, body: { errors } }) => [status, errors?.map(({ pointer }) => pointer)])(await admin(url, 'POST /targets', { body: { url: 'https://example.com/', ...body } }));
    for (const bad of ['ftp://a/', 'https://u:p@a/', 'https://@a/', 'https://a/#b', 'nothing', 'http://127.0.0.1/', 'http://0x7f.1/', 'http://2130706433/', 'http://[::1]/', 'http://[::ffff:10.0.0.1]/', 'http://169.254.169.254/latest', 'http://localhost:80/', 'http://a.localhost/', 'https://a b/']) {
      assert.deepEqual(await faultsOf({ url: bad }), [422, ['/url']], bad);
    }
    assert.deepEqual(await faultsOf({ eventTypes: ['*', 'a*', '!*'] }), [422, ['/eventTypes/1', '/eventTypes/2']]);
    assert.deepEqual(await faultsOf({ eventTypes: ['!a'] }), [422, ['/eventTypes']]);
    assert.deepEqual(await faultsOf({ filter: { all: [{ path: 'a', like: 'x' }] }, ratePerSecond: 0.0001 }), [422, ['/filter/all/0/like', '/ratePerSecond']]);
    assert.deepEqual(await faultsOf({ headers: { Host: 'x', 'Content-Type': 'x', 'webhook-id': 'x', 'hooktail-a': 'x', 'User-Agent': 'x', TE: 'x', 'a b': 'x', b: 'x\r\ny', c: ' x', d: '' } }), [422, ['/headers/Host', '/headers/Content-Type', '/headers/webhook-id', '/headers/hooktail-a', '/headers/User-Agent', '/headers/TE', '/headers/a b', '/headers/b', '/headers/c', '/headers/d']]);
    for (const [field, value] of [['timeoutMs', 99], ['timeoutMs', 60_001], ['concurrency', 1.5], ['retryScheduleMs', [0]], ['secret', 'x'], ['metadata', { '__proto__x': 'y' }], ['maxAttempts', 0]] as const) {
      assert.equal((await admin(url, 'POST /targets', { body: { url: 'https://example.com/', [field]: value } })).body.code, 'schema_mismatch', field);
    }
    assert.equal(await world.store.targets.countDocuments(), 0);
    assert.equal((await admin(url, 'POST /targets', { body: { url: 'http://10.1.2.3/' } })).status, 201, 'a network that is allowed');
  }));

test('a test event goes to that target alone, in its turn, signed, with its headers, whatever its patterns say', () =>
  inWorld({}, async (world) => {
    const [{ url }] = [await world.server(), await world.processor()];
    const target = await makeTarget(url, { url: `${world.sinkUrl}/tested`, eventTypes: ['nothing'], headers: { 'X-Tenant': 'a', authorization: 'Bearer of news' } });
    const { status, body } = await admin(url, `POST /targets/${target.id}/test`);
    assert.equal(status, 202);
    const request = await eventually(() => world.sink.requests[0] ?? assert.fail('nothing came'));
    assert.deepEqual([request.path, request.id, world.sink.requests.length], ['/tested', body['eventId'], 1]);
    const { headers } = request;
    assert.deepEqual([headers['hooktail-event-type'], headers['x-tenant'], headers['authorization']], ['hooktail.test', 'a', 'Bearer of news']);
    const told = new Webhook(String(target['secret'])).verify(request.body, headers as Record<string, string>);
    assert.deepEqual(told, { type: 'hooktail.test', timestamp: (told as { readonly timestamp: string }).timestamp, data: { targetId: target.id } });
    await world.settled(1);
  }));

test('a paused target is sent nothing and keeps what comes; resumed it gets all of it', () =>
  inWorld({}, async (world) => {
    const [{ url }, processor] = [await world.server(), await world.processor()];
    const { id } = await makeTarget(url, { url: `${world.sinkUrl}/p`, eventTypes: ['order.*'] });
    await processor.told.until('lane.taken', ({ targetId }) => targetId === id);
    const paused = await admin(url, `POST /targets/${id}/pause`, { body: { reason: 'holidays' } });
    assert.deepEqual([paused.status, paused.body.status, paused.body['statusReason'], paused.etag], [200, 'paused', 'holidays', '"2"']);
    assert.equal((await admin(url, `POST /targets/${id}/pause`, { body: {} })).body.code, 'schema_mismatch');
    await sleep(IN_FORCE_MS);
    for (let number = 0; number < 5; number += 1) await post(url, { body: JSON.stringify({ type: 'order.paid', number }) });
    await eventually(async () => assert.deepEqual((await admin(url, `GET /targets/${id}/statistics`)).body['backlog'], { value: 5, more: false }));
    assert.equal(world.sink.requests.filter(({ path }) => path === '/p').length, 0);
    const resumed = await admin(url, `POST /targets/${id}/resume`);
    assert.deepEqual([resumed.body.status, resumed.body['statusReason'], resumed.etag], ['active', null, '"3"']);
    assert.equal((await admin(url, `POST /targets/${id}/resume`)).etag, '"3"', 'again is nothing new');
    await world.settled(5);
    assert.equal(world.sink.requests.filter(({ path }) => path === '/p').length, 5);
  }));

test('a pause outlives a restart of the server that registers the default target', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    await admin(url, 'POST /targets/tgt_default/pause', { body: { reason: 'moving' } });
    const again = await world.server();
    const { body } = await admin(again.url, 'GET /targets/tgt_default');
    assert.deepEqual([body.status, body['statusReason'], body.version], ['paused', 'moving', 2]);
  }));

test('statistics tell shares, latencies, the last error, what waits and when it is tried next', () =>
  inWorld({ env: { RETRY_SCHEDULE: '1h' } }, async (world) => {
    const { url } = await world.server();
    const processor = await world.processor();
    let number = 0;
    world.sink.behave(() => answer(number++ % 4 === 3 ? 500 : 200));
    for (let event = 0; event < 8; event += 1) await post(url, { body: JSON.stringify({ event }) });
    await eventually(() => assert.equal(processor.told.all('delivery.settled').length, 8));
    assert.equal(await world.store.targetHours.countDocuments(), 0, 'nothing is written for an event');
    await processor.stop();
    const { body } = await admin(url, 'GET /targets/tgt_default/statistics');
    assert.deepEqual([body['attempts'], body['successes'], body['failures'], body['successShare'], body['backlog'], body.status, body['holdUntil']], [8, 6, 2, 0.75, { value: 2, more: false }, 'active', null]);
    const { p50, p95 } = body['latencyMs'] as { readonly p50: number; readonly p95: number };
    assert.ok(p50 > 0 && p50 <= p95 && p95 <= 60_000, `${p50} ${p95}`);
    assert.equal((body['lastError'] as { readonly error: string }).error, 'status 500');
    const nextMs = Date.parse(String(body['nextAttemptAt'])) - Date.now();
    assert.ok(nextMs > 40 * 60_000 && nextMs < 80 * 60_000, `${nextMs}`);
  }));

test('each change is told to the audit record before it is answered, and reading is not', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const told: string[] = [];
    server.telemetry.listen((name, fields) => { if (name === 'admin.changed') told.push((fields as { readonly action: string }).action); });
    const { id } = await makeTarget(server.url, { url: world.sinkUrl });
    await admin(server.url, `PATCH /targets/${id}`, { body: { timeoutMs: 500 }, ifMatch: '*' });
    await admin(server.url, `POST /targets/${id}/pause`, { body: { reason: 'a' } });
    await admin(server.url, `POST /targets/${id}/resume`);
    await admin(server.url, `POST /targets/${id}/test`);
    await admin(server.url, `GET /targets/${id}`);
    const { etag } = await admin(server.url, `GET /targets/${id}/statistics`);
    assert.equal(etag, null);
    await admin(server.url, `DELETE /targets/${id}`, { ifMatch: '"4"' });
    assert.deepEqual(told, ['target.created', 'target.changed', 'target.paused', 'target.resumed', 'target.tested', 'target.deleted']);
  }));
