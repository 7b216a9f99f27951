/** Who may use the admin routes: scopes, what is remembered of tokens and for how long, and what an outage answers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { actorOf } from '../../src/admin/actor.ts';
import { createGuard, type GuardOptions } from '../../src/admin/guard.ts';
import { TokenCache, type TokenStore } from '../../src/admin/token-cache.ts';
import { digestOf, newTokenText, type AdminToken } from '../../src/domain/admin-token.ts';
import { newTokenId } from '../../src/domain/ids.ts';
import { includesScope, SCOPES, type Scope } from '../../src/domain/scope.ts';
import { createApp } from '../../src/http/app.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

const ENV_TOKEN = 'a-token-of-some-length';

interface World {
  readonly clock: FakeClock;
  /** Hash to token; taken out when it is revoked. */
  readonly live: Map<string, AdminToken>;
  readonly asked: string[];
  readonly noted: string[];
  readonly told: string[];
  readonly add: (scope: Scope) => { readonly text: string; readonly token: AdminToken };
  readonly ask: (scope: Scope | 'none', authorization?: string) => Promise<{ readonly status: number; readonly code: string; readonly actor: string }>;
}

function world({ adminToken = null, onLoopback = true }: Partial<GuardOptions> = {}, over: Partial<TokenStore> = {}): World {
  const [clock, telemetry] = [new FakeClock(), createTelemetry()];
  const live = new Map<string, AdminToken>();
  const [asked, noted, told]: [string[], string[], string[]] = [[], [], []];
  telemetry.listen((name) => told.push(name));
  const store: TokenStore = {
    findLive: (hash) => { asked.push(hash); return Promise.resolve(live.get(hash) ?? null); },
    anyLive: () => { asked.push('any'); return Promise.resolve(live.size > 0); },
    noteUse: (id) => { noted.push(id); return Promise.resolve(); },
    ...over,
  };
  const guard = createGuard(new TokenCache({ store, clock, telemetry }), { adminToken, onLoopback });
  const routes = (['none', ...SCOPES] as const).map((scope) => ({
    method: 'GET' as const, path: `/${scope}`, operation: { summary: '', tag: 'system' as const, scope: scope === 'none' ? null : scope, answers: {} }, handler: (context: Parameters<typeof actorOf>[0]) => new Response(JSON.stringify({ actor: actorOf(context) })),
  }));
  const app = createApp({ telemetry, readiness: { check: () => Promise.resolve() }, groups: [{ guard, routes }] });
  return {
    clock, live, asked, noted, told,
    add(scope) {
      const text = newTokenText();
      const token: AdminToken = { id: newTokenId(clock.now()), name: 'n', scope, createdAt: new Date(0), expiresAt: null, revokedAt: null, lastUsedAt: null };
      live.set(digestOf(text).toString('hex'), token);
      return { text, token };
    },
    async ask(scope, authorization) {
      const response = await app.request(`/${scope}`, authorization === undefined ? {} : { headers: { authorization } });
      const { code = '', actor = '' } = (await response.json()) as { readonly code?: string; readonly actor?: string };
      return { status: response.status, code, actor };
    },
  };
}

describe('a stored token', () => {
  for (const held of SCOPES) {
    for (const needed of SCOPES) {
      const allowed = includesScope(held, needed);
      test(`of scope ${held} ${allowed ? 'may use' : 'is refused at'} a route of scope ${needed}`, async () => {
        const { add, ask } = world();
        const { text, token } = add(held);
        const { status, code, actor } = await ask(needed, `Bearer ${text}`);
        assert.deepEqual([status, code, actor], allowed ? [200, '', token.id] : [403, 'forbidden', '']);
      });
    }
  }

  test('is taken under any spelling of the scheme, and under no other scheme', async () => {
    const { add, ask } = world();
    const { text } = add('admin');
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR ']) assert.equal((await ask('admin', `${scheme} ${text}`)).status, 200, scheme);
    for (const other of [text, `Basic ${text}`, `Bearer ${text}x`, `Bearer ${text.slice(1)}`, `Bearer ${text} more`, 'Bearer']) assert.equal((await ask('admin', other)).status, 401, other);
  });

  test('costs one read a second, however often it is used, and however many use it at once', async () => {
    const { add, ask, asked, clock } = world();
    const { text } = add('read');
    await Promise.all(Array.from({ length: 50 }, () => ask('read', `Bearer ${text}`)));
    assert.equal(asked.length, 1);
    await clock.advance(999);
    await ask('read', `Bearer ${text}`);
    assert.equal(asked.length, 1);
    await clock.advance(1);
    await ask('read', `Bearer ${text}`);
    assert.equal(asked.length, 2);
  });

  test('that is revoked is refused within a second', async () => {
    const { add, ask, live, clock } = world({ adminToken: ENV_TOKEN });
    const { text } = add('admin');
    assert.equal((await ask('read', `Bearer ${text}`)).status, 200);
    live.clear();
    await clock.advance(1_000);
    assert.equal((await ask('read', `Bearer ${text}`)).code, 'unauthorized');
  });

  test('has its use noted once a minute, and a note that fails hurts nobody', async () => {
    const { add, ask, noted, clock } = world();
    const { text, token } = add('read');
    for (let round = 0; round < 3; round += 1) {
      await ask('read', `Bearer ${text}`);
      await clock.advance(30_000);
    }
    assert.deepEqual(noted, [token.id, token.id]);
    const failing = world({}, { noteUse: () => Promise.reject(new Error('no')) });
    assert.equal((await failing.ask('read', `Bearer ${failing.add('read').text}`)).status, 200);
    await settled();
    assert.deepEqual(failing.told, ['loop.failed', 'request.answered']);
  });

  test('that nobody could have is not looked for', async () => {
    const { ask, asked } = world({ adminToken: ENV_TOKEN });
    for (const text of ['x', 'htk_short', `htk_${'a'.repeat(44)}`, `htk_${'$'.repeat(43)}`]) assert.equal((await ask('read', `Bearer ${text}`)).status, 401);
    assert.deepEqual(asked, []);
  });

  test('is asked for once more when the database did not answer, and the caller told to come again', async () => {
    let fails = true;
    const { ask, add, live } = world({}, { findLive: (hash) => (fails ? Promise.reject(new Error('down')) : Promise.resolve(live.get(hash) ?? null)) });
    const { text } = add('read');
    assert.deepEqual(await ask('read', `Bearer ${text}`), { status: 503, code: 'database_unavailable', actor: '' });
    fails = false;
    assert.equal((await ask('read', `Bearer ${text}`)).status, 200);
  });
});

test('no more than a thousand tokens are remembered, whoever asks with how many', async () => {
  const [clock, telemetry] = [new FakeClock(), createTelemetry()];
  let reads = 0;
  const cache = new TokenCache({ clock, telemetry, store: { findLive: () => { reads += 1; return Promise.resolve(null); }, anyLive: () => Promise.resolve(false), noteUse: () => Promise.resolve() } });
  for (let count = 0; count < 1_001; count += 1) await cache.find(String(count));
  await cache.find('1');
  assert.equal(reads, 1_001);
  await cache.find('0');
  assert.equal(reads, 1_002);
});

describe('ADMIN_TOKEN', () => {
  test('may everything, without a look at the database', async () => {
    const { ask, asked } = world({ adminToken: ENV_TOKEN, onLoopback: false });
    assert.deepEqual(await ask('admin', `bearer ${ENV_TOKEN}`), { status: 200, code: '', actor: 'env' });
    assert.deepEqual(asked, []);
  });
});

describe('without ADMIN_TOKEN', () => {
  test('a server on loopback asks for no token as long as none is live, and for one from then on', async () => {
    const { ask, add, clock } = world();
    assert.deepEqual(await ask('admin'), { status: 200, code: '', actor: 'loopback' });
    assert.equal((await ask('admin', 'Bearer anything')).status, 200);
    add('read');
    await clock.advance(1_000);
    assert.equal((await ask('read')).code, 'unauthorized');
  });

  test('a server on another address asks for one in any case', async () => assert.equal((await world({ onLoopback: false }).ask('read')).status, 401));

  test('nobody gets in while the database does not tell whether there are tokens', async () => {
    assert.equal((await world({}, { anyLive: () => Promise.reject(new Error('down')) }).ask('read')).code, 'database_unavailable');
  });
});

test('a route without a scope asks nobody for anything', async () => {
  const { ask, asked } = world({ adminToken: ENV_TOKEN, onLoopback: false });
  assert.equal((await ask('none')).status, 200);
  assert.deepEqual(asked, []);
});
