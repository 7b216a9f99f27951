/** The document of all routes: made from them, fit for every reader of OpenAPI 3.1, and complete. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { adminRoutes } from '../../src/admin/admin-routes.ts';
import { createApp, type Route, type RouteGroup } from '../../src/http/app.ts';
import { openApiOf } from '../../src/http/openapi.ts';
import type { Operation } from '../../src/http/operation.ts';
import { createQueryReader } from '../../src/http/query.ts';
import { PROBLEM_CODES } from '../../src/http/problem.ts';
import { ingestRoutes } from '../../src/ingest/ingest-routes.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { OpenApiDocument } from '../support/openapi-client.ts';

const NEVER = (): never => assert.fail('nothing is asked for here');

/** All routes there are, with nothing behind them. */
function allGroups(): readonly RouteGroup[] {
  const clock = new FakeClock();
  const ingest = ingestRoutes({ clock, telemetry: createTelemetry(), edge: {} as never, desk: {} as never, writer: { accept: NEVER, acceptAll: NEVER }, makeEvent: NEVER, keys: [], maxBodyBytes: 1, maxBatchBytes: 1 });
  return [ingest, adminRoutes({ store: {} as never, clock, telemetry: createTelemetry(), adminToken: null, onLoopback: true, freshTarget: NEVER, proveSchema: NEVER, urlRules: {} as never, defaults: {} as never, hasDefaultTarget: false, metrics: NEVER })];
}

const appWith = (groups: readonly RouteGroup[]): ReturnType<typeof createApp> => createApp({ telemetry: createTelemetry(), readiness: { check: () => Promise.resolve() }, groups });

async function documentOf(groups: readonly RouteGroup[]): Promise<OpenApiDocument> {
  const answer = await appWith(groups).request('/openapi.json');
  assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'application/json']);
  return (await answer.json()) as OpenApiDocument;
}

const route = (path: string, operation: Partial<Operation>, method: Route['method'] = 'GET'): Route => ({ method, path, handler: NEVER, operation: { summary: 'Does it', tag: 'system', scope: null, answers: { 200: { description: 'Done' } }, ...operation } });

/** The operation of the one route of a document. */
const described = (one: Route): OpenApiDocument['paths'][string][string] => {
  const [operation] = Object.values((openApiOf([one]) as unknown as OpenApiDocument).paths).flatMap((methods) => Object.values(methods));
  return operation ?? assert.fail('the route is not described');
};

describe('the document', () => {
  test('is one that the official schema of OpenAPI 3.1 takes', async () => {
    const validator = new Validator();
    const result = await validator.validate((await documentOf(allGroups())) as never);
    assert.deepEqual([result.valid, result.errors ?? [], validator.version], [true, [], '3.1']);
  });

  test('is refused by that schema when it is broken, so that the check can fail', async () => {
    const document = await documentOf(allGroups());
    const broken = { ...document, paths: { ...document.paths, '/broken': { get: { responses: { 200: { content: {} } } } } } };
    assert.equal((await new Validator().validate(broken as never)).valid, false);
  });

  test('tells of every route, with a name of its own for each operation, and of what this program is', async () => {
    const document = await documentOf(allGroups());
    const told = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`));
    const there = [...allGroups().flatMap(({ routes }) => routes).map(({ method, path }) => `${method} ${path}`), 'GET /livez', 'GET /readyz', 'GET /openapi.json'];
    assert.deepEqual(told.toSorted(), there.toSorted());
    const ids = Object.values(document.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
    assert.deepEqual([new Set(ids).size, ids.every((id) => /^[a-z][A-Za-z0-9]*$/.test(id))], [ids.length, true], ids.join());
    const { version, name } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string; readonly name: string };
    assert.deepEqual((document as unknown as { readonly info: { readonly title: string; readonly version: string } }).info.version, version);
    assert.deepEqual((document as unknown as { readonly info: { readonly title: string } }).info.title, name);
  });

  test('is served without a token, whatever the rest asks for', async () => {
    const guarded: RouteGroup = { routes: allGroups().flatMap(({ routes }) => routes), guard: () => assert.fail('asked') };
    assert.equal((await appWith([guarded]).request('/openapi.json')).status, 200);
  });

  test('names every code of a refusal, and describes each status once', async () => {
    const { components } = await documentOf(allGroups());
    assert.deepEqual((components.schemas['Problem']?.['properties'] as { readonly code: { readonly enum: unknown } }).code.enum, PROBLEM_CODES.map(({ code }) => code));
    assert.ok(Object.keys(components.responses).every((name) => /^Refusal[45]\d\d$/.test(name)));
  });
});

describe('a route is described', () => {
  test('with a parameter for each part of its path, its query and its headers', () => {
    const { parameters = [] } = described(route('/a/:id/b/:other', { query: { limit: { type: 'integer' } }, headers: { 'If-Match': { type: 'string' } } }));
    assert.deepEqual(parameters.map(({ name, in: place, required }) => [name, place, required]), [['id', 'path', true], ['other', 'path', true], ['limit', 'query', false], ['If-Match', 'header', false]]);
  });

  test('with the refusals that what it takes can lead to, and no others', () => {
    const refusals = (one: Route): readonly string[] => Object.keys(described(one).responses).filter((status) => status >= '400');
    const always = ['400', '408', '431', '500', '503'];
    assert.deepEqual(refusals(route('/a', {})).filter((status) => status !== '429'), always);
    assert.deepEqual(refusals(route('/a/:id', {})).filter((status) => !['429', ...always].includes(status)), ['404']);
    assert.deepEqual(refusals(route('/a', { scope: 'read' })).filter((status) => !['403', '429', ...always].includes(status)), ['401']);
    assert.deepEqual(refusals(route('/a', { signed: true, body: { type: 'object' } }, 'POST')).filter((status) => !['429', ...always].includes(status)), ['401', '413', '415', '422']);
  });

  test('with its own word for a refusal where it has one, in the form of all others', () => {
    const { responses } = described(route('/a/:id', { answers: { 200: { description: 'Done' }, 404: { description: 'Nobody knows it' }, 412: { description: 'It has changed meanwhile' } } }));
    assert.deepEqual(Object.keys(responses['412']?.content ?? {}), ['application/problem+json']);
    assert.deepEqual((responses['404'] as { readonly description?: string }).description, 'Nobody knows it');
  });

  test('with what it asks for: a token of a scope, a signature, or nothing', () => {
    assert.deepEqual(described(route('/a', { scope: 'write' })).security?.[0], { bearer: ['write'] });
    assert.deepEqual(described(route('/a', { signed: true })).security, [{ signature: [] }, { standardWebhooks: [] }]);
    assert.deepEqual(described(route('/a', {})).security, []);
  });
});

describe('a query', () => {
  const read = createQueryReader<Readonly<Record<string, unknown>>>({ limit: { type: 'integer', minimum: 1, maximum: 100 }, status: { type: 'string', enum: ['A', 'B'] } });
  const ask = async (query: string): Promise<unknown> => {
    const app = appWith([{ routes: [{ ...route('/q', {}), handler: (context) => context.json(read(context)) }] }]);
    const answer = await app.request(`/q${query}`);
    const body = (await answer.json()) as Readonly<Record<string, unknown>>;
    return answer.status === 200 ? body : `${answer.status} ${String(body['code'])}`;
  };

  test('is read as what its schema says', async () => {
    assert.deepEqual(await ask(''), {});
    assert.deepEqual(await ask('?limit=7&status=B'), { limit: 7, status: 'B' });
  });

  for (const query of ['?limit=0', '?limit=101', '?limit=x', '?limit=1.5', '?limit=1e1', '?limit=', '?limit=1&limit=2', '?status=C', '?other=1', '?status[$ne]=A', '?__proto__=1', '?constructor=1', '?limit=999999999999999999999'])
    test(`refuses ${query}`, async () => assert.equal(await ask(query), '400 invalid_query'));
});
