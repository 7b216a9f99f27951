/** The HTTP surface, without a socket: routes, who may use them, and the one form that refusals take. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import type { IncomingEvent } from '../../src/domain/event.ts';
import { createGuard } from '../../src/admin/guard.ts';
import { createApp, type RouteGroup } from '../../src/http/app.ts';
import { createReadiness } from '../../src/http/health.ts';
import { createEdge } from '../../src/ingest/edge.ts';
import { createEventMaker } from '../../src/ingest/event-maker.ts';
import { ingestRoutes } from '../../src/ingest/ingest-routes.ts';
import { Problem } from '../../src/http/problem.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { FakeClock, FAKE_START_MS } from '../support/fake-clock.ts';
import { eventIdOf } from './delivery-parts.ts';

const INGEST = '/api/v1/webhooks/ingest';
const EVENT = `/api/v1/events/${eventIdOf(1)}`;
const TOKEN = 'a-token-of-some-length';
const BODY = '{"type":"order.created"}';

interface World {
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
  readonly accepted: IncomingEvent[];
  readonly told: (readonly [string, unknown])[];
  readonly clock: FakeClock;
}

interface Options {
  readonly adminToken?: string | null;
  readonly ping?: () => Promise<unknown>;
  readonly accept?: () => Promise<never>;
  readonly event?: () => Promise<Response>;
}

function world({ adminToken = null, ping = () => Promise.resolve(), accept, event = () => Promise.resolve(new Response('an event')) }: Options = {}): World {
  const clock = new FakeClock();
  const telemetry = createTelemetry();
  const [accepted, told]: [IncomingEvent[], [string, unknown][]] = [[], []];
  telemetry.listen((name, fields) => told.push([name, fields]));
  const store = accept ?? ((stored: IncomingEvent) => { accepted.push(stored); return Promise.resolve({ id: stored.id, status: 'RECEIVED' as const, duplicate: stored.idempotencyKey.startsWith('again') }); });
  const intake = {
    clock, telemetry,
    edge: createEdge(clock, { ratePerAddress: 0, ratePerSource: 0, trustedProxies: 0 }),
    desk: { find: () => Promise.resolve(null) },
    writer: { accept: store, acceptAll: (events: readonly IncomingEvent[]) => Promise.all(events.map((event) => store(event).catch(asProblem))) },
    makeEvent: createEventMaker(clock),
    keys: [Buffer.from('secret')],
    maxBodyBytes: 1_024,
  };
  const reading: RouteGroup = { guard: createGuard({ find: () => Promise.resolve(null), anyLive: () => Promise.resolve(false), noteUse: () => undefined }, { adminToken, onLoopback: true }), routes: [{ method: 'GET', path: '/api/v1/events/:id', operation: { summary: 'Read', tag: 'events', scope: 'read', answers: {} }, handler: event }] };
  const app = createApp({ telemetry, readiness: createReadiness(clock, ping), groups: [ingestRoutes({ ...intake, maxBatchBytes: 4_096 }), reading] });
  return { clock, accepted, told, ask: async (path, init) => app.request(path, init) };
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  throw error;
}

function signed(body: string = BODY, more: Readonly<Record<string, string>> = {}, key = 'order-1'): RequestInit {
  const timestamp = String(FAKE_START_MS / 1_000);
  const signature = createHmac('sha256', 'secret').update(`${timestamp}.${key}.${body}`).digest('hex');
  return { method: 'POST', body, headers: { 'content-type': 'application/json', 'X-Timestamp': timestamp, 'X-Idempotency-Key': key, 'X-Signature': signature, ...more } };
}

/** Checks the form every refusal has; answers its code. */
async function refusal(response: Response): Promise<string> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const { type, title, status, code, detail } = (await response.json()) as Record<string, unknown>;
  assert.deepEqual([type, status, typeof title, typeof detail], ['about:blank', response.status, 'string', 'string']);
  return `${response.status} ${String(code)}`;
}

describe('probes', () => {
  test('say that the process lives, and whether an event could be stored', async () => {
    const { ask } = world();
    assert.deepEqual(await (await ask('/livez')).json(), { status: 'ok' });
    assert.deepEqual(await (await ask('/readyz')).json(), { status: 'ready' });
  });

  test('of readiness fail without a primary; that of life does not', async () => {
    const { ask } = world({ ping: () => Promise.reject(new Error('no primary')) });
    assert.equal(await refusal(await ask('/readyz')), '503 not_ready');
    assert.equal((await ask('/livez')).status, 200);
  });

  test('look at the database once a second at most', async () => {
    let looks = 0;
    const { ask, clock } = world({ ping: () => Promise.resolve((looks += 1)) });
    for (let count = 0; count < 5; count += 1) await ask('/readyz');
    assert.equal(looks, 1);
    await clock.advance(1_000);
    await ask('/readyz');
    assert.equal(looks, 2);
  });
});

describe('taking an event in', () => {
  test('answers 202 with its id, and stores the bytes and the type', async () => {
    const { ask, accepted: stored } = world();
    const response = await ask(INGEST, signed());
    const [event] = stored;
    assert.equal(response.status, 202);
    assert.deepEqual(await response.json(), { id: event?.id, status: 'RECEIVED', duplicate: false });
    assert.deepEqual([Buffer.from(event?.body ?? []).toString(), event?.type, event?.idempotencyKey], [BODY, 'order.created', 'order-1']);
  });

  test('refuses a type that speaks of the system itself: nobody can make one up', async () => {
    const { ask, accepted: stored } = world();
    assert.equal(await refusal(await ask(INGEST, signed('{"type":"hooktail.target.disabled"}'))), '422 schema_mismatch');
    assert.equal(stored.length, 0);
  });

  test('says so when it was there already', async () => {
    const response = await world().ask(INGEST, signed(BODY, {}, 'again'));
    assert.deepEqual([response.status, response.headers.get('idempotency-replayed')], [202, 'true']);
  });

  const refused: readonly (readonly [what: string, init: RequestInit, expected: string])[] = [
    ['without a signature', { method: 'POST', body: BODY, headers: { 'content-type': 'application/json' } }, '401 missing_signature'],
    ['with a wrong one', signed(BODY, { 'X-Signature': 'a'.repeat(64) }), '401 invalid_signature'],
    ['from another time', signed(BODY, { 'X-Timestamp': '1700000000' }), '401 timestamp_out_of_window'],
    ['of another type', signed(BODY, { 'content-type': 'text/plain' }), '415 unsupported_media_type'],
    ['of a type that only begins like JSON', signed(BODY, { 'content-type': 'application/jsonp' }), '415 unsupported_media_type'],
    ['compressed', signed(BODY, { 'content-encoding': 'gzip' }), '415 unsupported_encoding'],
    ['announced as too large', signed(BODY, { 'content-length': '1025' }), '413 body_too_large'],
    ['too large without saying so', signed('x'.repeat(1_025)), '413 body_too_large'],
    ['that is no JSON', signed('{'), '400 invalid_json'],
    ['that is no object', signed('[]'), '422 schema_mismatch'],
  ];
  for (const [what, init, expected] of refused) {
    test(`refuses one ${what}: ${expected}`, async () => {
      const { ask, accepted, told } = world();
      assert.equal(await refusal(await ask(INGEST, init)), expected);
      assert.deepEqual([accepted, told.map(([name]) => name)], [[], ['request.refused']]);
    });
  }

  test('checks the signature before it looks into the body', async () => {
    assert.equal(await refusal(await world().ask(INGEST, { ...signed('{'), body: '{ ' })), '401 invalid_signature');
  });

  test('takes any JSON type of content', async () => {
    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON', 'application/cloudevents+json;x=y']) assert.equal((await world().ask(INGEST, signed(BODY, { 'content-type': type }))).status, 202, type);
  });

  test('tells when to come again, and how to sign', async () => {
    const response = await world({ accept: () => Promise.reject(new Problem('unavailable', 'No', { retryAfterS: 5 })) }).ask(INGEST, signed());
    assert.deepEqual([response.headers.get('retry-after'), await refusal(response)], ['5', '503 unavailable']);
    assert.equal((await world().ask(INGEST, { ...signed(), headers: { 'content-type': 'application/json' } })).headers.get('www-authenticate'), 'Signature');
  });

  test('a fault of ours is logged and told without its words', async () => {
    const { ask, told } = world({ accept: () => Promise.reject(new Error('secret inside')) });
    const response = await ask(INGEST, signed());
    assert.ok(!(await response.clone().text()).includes('secret inside'));
    assert.equal(await refusal(response), '500 internal_error');
    assert.deepEqual(told[0], ['request.failed', { requestId: null, error: 'secret inside' }]);
  });
});

describe('a batch', () => {
  const BATCH = `${INGEST}/batch`;
  const [LINE, NDJSON] = ['{"type":"order.paid"}', { 'content-type': 'application/x-ndjson' }];

  test('is answered item by item, each stored as its own bytes under a key of its own', async () => {
    const { ask, accepted } = world();
    const response = await ask(BATCH, signed(`[ ${BODY} ,\n${LINE}]`, {}, 'batch-1'));
    assert.equal(response.status, 202);
    assert.deepEqual(accepted.map(({ body, idempotencyKey, contentType }) => [Buffer.from(body).toString(), idempotencyKey, contentType]), [[BODY, 'batch-1#0', 'application/json'], [LINE, 'batch-1#1', 'application/json']]);
    assert.deepEqual(await response.json(), { accepted: 2, refused: 0, items: accepted.map(({ id }) => ({ event: { id, status: 'RECEIVED', duplicate: false } })) });
  });

  test('may be lines', async () => {
    const { ask, accepted } = world();
    assert.equal((await ask(BATCH, signed(`${BODY}\r\n\n${LINE}\n`, NDJSON))).status, 202);
    assert.deepEqual(accepted.map(({ body }) => Buffer.from(body).toString()), [BODY, LINE]);
  });

  test('keeps what is well, and tells of each item that is not', async () => {
    const { ask, accepted, told } = world();
    const response = await ask(BATCH, signed(`[${BODY},17,{"a":],{"type":"${'x'.repeat(1_100)}"}]`));
    const { items, ...counts } = (await response.json()) as { readonly items: readonly { readonly problem?: { readonly code: string; readonly status: number } }[] };
    assert.deepEqual([response.status, counts, accepted.length], [207, { accepted: 1, refused: 3 }, 1]);
    assert.deepEqual(items.map(({ problem }) => problem?.code ?? 'stored'), ['stored', 'schema_mismatch', 'invalid_json', 'body_too_large']);
    assert.deepEqual(told.map(([name]) => name), ['event.accepted', 'request.refused', 'request.refused', 'request.refused', 'request.answered']);
  });

  test('is to be repeated when the database could not take all of it now', async () => {
    const response = await world({ accept: () => Promise.reject(new Problem('unavailable', 'No', { retryAfterS: 5 })) }).ask(BATCH, signed(`[${BODY}]`));
    assert.deepEqual([response.headers.get('retry-after'), await refusal(response)], ['5', '503 unavailable']);
  });

  const refused: readonly (readonly [what: string, init: RequestInit, expected: string])[] = [
    ['that is no array', signed(BODY), '400 invalid_json'],
    ['that is not closed', signed(`[${BODY}`), '400 invalid_json'],
    ['with more after it', signed(`[${BODY}] ${BODY}`), '400 invalid_json'],
    ['that is empty', signed('[ ]'), '422 batch_size'],
    ['without a line', signed(' \n', NDJSON), '422 batch_size'],
    ['of too many', signed(`[${'1,'.repeat(1_000)}1]`), '422 batch_size'],
    ['too large', signed(`["${'x'.repeat(4_096)}"]`), '413 body_too_large'],
    ['of another type', signed(`[${BODY}]`, { 'content-type': 'text/plain' }), '415 unsupported_media_type'],
    ['under a key that leaves no room', signed(`[${BODY}]`, {}, 'k'.repeat(251)), '400 invalid_idempotency_key'],
    ['without a signature', { method: 'POST', body: `[${BODY}]`, headers: { 'content-type': 'application/json' } }, '401 missing_signature'],
  ];
  for (const [what, init, expected] of refused) test(`refuses one ${what}: ${expected}`, async () => assert.equal(await refusal(await world().ask(BATCH, init)), expected));
});

describe('who may read', () => {
  const ask = (adminToken: string | null, authorization?: string): Promise<Response> => world({ adminToken }).ask(EVENT, authorization === undefined ? {} : { headers: { authorization } });

  test('everybody on loopback without a token', async () => assert.equal((await ask(null)).status, 200));
  test('whoever has the token, when there is one', async () => assert.equal((await ask(TOKEN, `Bearer ${TOKEN}`)).status, 200));
  for (const [what, authorization] of [['nothing', undefined], ['another', 'Bearer another'], ['a part of it', `Bearer ${TOKEN.slice(0, -1)}`], ['more than it', `Bearer ${TOKEN}x`], ['no scheme', TOKEN], ['an empty one', 'Bearer ']] as const) {
    test(`nobody with ${what}, and is told how`, async () => {
      const response = await ask(TOKEN, authorization);
      assert.equal(response.headers.get('www-authenticate'), 'Bearer');
      assert.equal(await refusal(response), '401 unauthorized');
    });
  }
  test('a token is not asked for by ingest and probes', async () => {
    const guarded = world({ adminToken: TOKEN });
    assert.deepEqual([(await guarded.ask('/livez')).status, (await guarded.ask('/readyz')).status, (await guarded.ask(INGEST, signed())).status], [200, 200, 202]);
  });
});

describe('other routes', () => {
  for (const [method, path, expected] of [['GET', '/', '404 not_found'], ['POST', EVENT, '405 method_not_allowed'], ['GET', INGEST, '405 method_not_allowed'], ['PUT', INGEST, '405 method_not_allowed'], ['GET', `${INGEST}/batch`, '405 method_not_allowed'], ['POST', `${INGEST}/`, '404 not_found'], ['GET', '/api/v1/events', '404 not_found']] as const) {
    test(`${method} ${path} is ${expected}`, async () => assert.equal(await refusal(await world().ask(path, { method })), expected));
  }

  test('a 405 names the method that is allowed', async () => {
    assert.equal((await world().ask(INGEST)).headers.get('allow'), 'POST');
  });
});
