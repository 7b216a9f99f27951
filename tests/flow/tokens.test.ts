/** Tokens and the record of changes, with real programs: scopes, revocation, the first start on a public address, and who did what. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditRecord } from '../../src/store/audit.ts';
import { FatalError } from '../../src/runtime/errors.ts';
import { tokensCommand } from '../../tools/tokens/command.ts';
import { admin } from '../support/admin.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { runToolWith, type ToolRun } from '../support/tool.ts';
import type { World } from '../support/world.ts';

const { inWorld } = useMongo();
const ENV_TOKEN = 'a-token-for-the-tests';
const ROTATE = '/targets/tgt_default/secrets/rotate';

const tokens = (world: World, ...argv: readonly string[]): Promise<ToolRun> => runToolWith(tokensCommand, world.env, argv);

async function make(world: World, scope: string, ...more: readonly string[]): Promise<{ readonly id: string; readonly token: string }> {
  const { code, lines, notes } = await tokens(world, 'create', '--name', `for ${scope}`, '--scope', scope, '--json', ...more);
  assert.equal(code, 0, notes.join('\n'));
  return JSON.parse(lines[0] ?? '') as { readonly id: string; readonly token: string };
}

const audit = async (url: string, query = '', token = ENV_TOKEN): Promise<{ readonly records: readonly AuditRecord[]; readonly after: string | null }> =>
  (await admin(url, `/audit${query}`, { token })).body as unknown as { readonly records: readonly AuditRecord[]; readonly after: string | null };

test('each scope may what it says, the token itself is stored nowhere, and its use is noted', () =>
  inWorld({ env: { ADMIN_TOKEN: ENV_TOKEN } }, async (world) => {
    const { url } = await world.server();
    const [read, write, all] = [await make(world, 'read'), await make(world, 'write'), await make(world, 'admin')];
    const status = async (path: string, method: string, token: string): Promise<number> => (await admin(url, path, { method, token })).status;
    for (const [path, method, expected] of [['/targets/tgt_default/secrets', 'GET', [200, 200, 200]], [ROTATE, 'POST', [403, 201, 201]], ['/tokens', 'GET', [403, 403, 200]], ['/audit', 'GET', [403, 403, 200]]] as const) {
      const statuses: number[] = [];
      for (const { token } of [read, write, all]) statuses.push(await status(path, method, token));
      assert.deepEqual(statuses, expected, `${method} ${path}`);
    }
    assert.equal((await admin(url, ROTATE, { method: 'POST', token: read.token })).body['code'], 'forbidden');
    const stored = JSON.stringify(await world.store.adminTokens.find().toArray());
    for (const { token } of [read, write, all]) assert.ok(!stored.includes(token) && !stored.includes(token.slice(4)));
    await eventually(async () => assert.equal(await world.store.adminTokens.countDocuments({ lastUsedAt: { $exists: true } }), 3));
    assert.ok(!JSON.stringify((await admin(url, '/tokens', { token: all.token })).body).includes('hash'));
  }));

test('a token over HTTP is told once, and refused everywhere within a second of being revoked', () =>
  inWorld({ env: { ADMIN_TOKEN: ENV_TOKEN } }, async (world) => {
    const servers = [await world.server(), await world.server()] as const;
    const made = await admin(servers[0].url, '/tokens', { method: 'POST', body: { name: 'deploy', scope: 'read', expiresInSeconds: 3_600 }, token: ENV_TOKEN });
    assert.deepEqual([made.status, made.headers.get('cache-control')], [201, 'no-store']);
    const [id, token] = [String(made.body['id']), String(made.body['token'])];
    const read = async (url: string): Promise<number> => (await admin(url, '/targets/tgt_default/secrets', { token })).status;
    assert.deepEqual(await Promise.all(servers.map(({ url }) => read(url))), [200, 200]);
    assert.equal((await admin(servers[0].url, `/tokens/${id}`, { method: 'DELETE', token: ENV_TOKEN })).status, 200);
    const revokedAtMs = performance.now();
    // What was remembered is used for a second and no longer; the answer to a later request must be no.
    for (const { url } of servers) {
      await eventually(async () => {
        const askedAtMs = performance.now();
        const status = await read(url);
        assert.ok(status === 401 || askedAtMs - revokedAtMs <= 1_000, 'Expected no within a second');
        assert.equal(status, 401);
      }, { timeoutMs: 5_000 });
    }
    for (const path of [`/tokens/${id}`, '/tokens/tok_01ARZ3NDEKTSV4RRFFQ69G5FAV', '/tokens/nonsense']) assert.equal((await admin(servers[0].url, path, { method: 'DELETE', token: ENV_TOKEN })).status, path === `/tokens/${id}` ? 200 : 404);
    await world.store.adminTokens.updateOne({}, { $set: { expiresAt: new Date(0) }, $unset: { revokedAt: '' } });
    assert.equal(await read(servers[1].url), 401, 'nor is one that has expired taken');
  }));

test('a server on a public address starts with a live token of scope admin, and with none of a lesser or an ended one', () =>
  inWorld({ env: { HOST: '0.0.0.0' } }, async (world) => {
    const refused = (): Promise<void> => assert.rejects(world.server(), (error: unknown) => error instanceof FatalError && error.code === 'admin_token_needed');
    await refused();
    await make(world, 'write');
    await refused();
    const { id, token } = await make(world, 'admin');
    const { url } = await world.server();
    const local = url.replace('0.0.0.0', '127.0.0.1');
    assert.deepEqual([(await admin(local, '/tokens', { token })).status, (await admin(local, '/tokens')).status], [200, 401]);
    assert.match((await tokens(world, 'revoke', '--id', id)).lines.join(), /is revoked/);
    await refused();
    await eventually(async () => assert.equal((await admin(local, '/tokens', { token })).status, 401));
    assert.equal((await admin(local, '/tokens')).status, 401, 'and it stays shut when the last is revoked');
    assert.match((await tokens(world, 'list')).lines.join('\n'), /tok_\w+ {2}admin.*revoked[\s\S]*tok_\w+ {2}write/);
  }));

test('each change is recorded with who made it, page by page, and without a secret', () =>
  inWorld({ env: { ADMIN_TOKEN: ENV_TOKEN } }, async (world) => {
    const { url } = await world.server();
    const { id, token } = await make(world, 'write');
    const secret = String((await admin(url, ROTATE, { method: 'POST', token })).body['secret']);
    await admin(url, ROTATE, { method: 'POST', token: ENV_TOKEN });
    const [target] = [await audit(url, '?subject=tgt_default')];
    assert.deepEqual(target.records.map(({ actor, action }) => [actor, action]), [['env', 'target.secretRotated'], [id, 'target.secretRotated']]);
    assert.deepEqual((await audit(url, `?subject=${id}`)).records.map(({ actor, action }) => [actor, action]), [['tool', 'token.created']]);
    const seen: string[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const page = await audit(url, `?limit=1${after === '' ? '' : `&after=${after}`}`);
      seen.push(...page.records.map((record) => record.id));
      after = page.after;
    }
    assert.deepEqual([seen.length, new Set(seen).size, [...seen].sort().reverse()], [3, 3, seen]);
    const all = JSON.stringify(await world.store.audit.find().toArray());
    assert.ok(!all.includes(secret) && !all.includes(token) && !all.includes('whsec_'), all);
    for (const query of ['?limit=0', '?limit=101', '?limit=x', '?after=nonsense']) assert.equal((await admin(url, `/audit${query}`, { token: ENV_TOKEN })).body['code'], 'invalid_query', query);
  }));

test('a change whose record cannot be written is not made', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const before = await world.store.targets.findOne({});
    await world.db.command({ collMod: 'audit', validator: { action: 'nothing is like this' } });
    const answer = await admin(url, ROTATE, { method: 'POST' });
    assert.deepEqual([answer.status, answer.body['code'], answer.headers.get('retry-after')], [503, 'database_unavailable', '5']);
    assert.equal((await admin(url, '/tokens', { method: 'POST', body: { name: 'n', scope: 'read' } })).status, 503);
    assert.deepEqual([await world.store.targets.findOne({}), await world.store.adminTokens.countDocuments()], [before, 0]);
    await world.db.command({ collMod: 'audit', validator: {} });
    assert.equal((await admin(url, ROTATE, { method: 'POST' })).status, 201);
  }));
