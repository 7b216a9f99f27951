/**
 * A client that knows nothing but the document can use the server: it calls every route that is told of, and each answer is one that
 * is documented. New routes are called as soon as they are told of.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { signedHeaders } from '../../tools/send/sign.ts';
import { OpenApiClient, type OpenApiDocument } from '../support/openapi-client.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const TOKEN = 'a-token-for-the-client-of-the-document';

test('every documented route answers as documented, with and without what is optional', { timeout: 120_000 }, () =>
  inWorld({ env: { ADMIN_TOKEN: TOKEN } }, async (world) => {
    const { url } = await world.server();
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument;
    const sign = (body: Uint8Array): Readonly<Record<string, string>> => signedHeaders(INGEST_SECRET, randomUUID(), body, Date.now());
    const calls = await new OpenApiClient({ url, document, token: TOKEN, sign }).callAll();
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
    assert.deepEqual([...new Set(calls.map(({ operationId }) => operationId))].toSorted(), operations.toSorted());
    // What needs nothing but the document must also succeed; elsewhere the things a client must know may be missing.
    const plain = calls.filter(({ tags }) => tags.some((tag) => ['ingest', 'events', 'system'].includes(tag)));
    const failed = plain.filter(({ path, status }) => status >= 400 && !path.includes('{source}'));
    assert.deepEqual(failed.map(({ method, path, status, body }) => `${method} ${path} ${status} ${JSON.stringify(body)}`), []);
  }));

test('without the token, each route that asks for one answers 401, and the others as before', { timeout: 120_000 }, () =>
  inWorld({ env: { ADMIN_TOKEN: TOKEN } }, async (world) => {
    const { url } = await world.server();
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument;
    const calls = await new OpenApiClient({ url, document, token: null, sign: () => ({}) }).callAll();
    const isClosed = ({ path, method }: (typeof calls)[number]): boolean => (document.paths[path]?.[method]?.security ?? []).some((scheme) => Object.keys(scheme).length > 0);
    assert.deepEqual(calls.filter((call) => isClosed(call) !== (call.status === 401)).map(({ method, path, status }) => `${method} ${path} ${status}`), []);
  }));

test('each request has a name: the sender\'s where it is fit to be written down, else one of ours', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const nameOf = async (path: string, given?: string): Promise<string> => (await fetch(url + path, { headers: given === undefined ? {} : { 'x-request-id': given } })).headers.get('x-request-id') ?? '';
    for (const path of ['/livez', '/nothing', '/api/v1/events', '/api/v1/webhooks/ingest']) assert.equal(await nameOf(path, 'trace-1/a:b=c@d'), 'trace-1/a:b=c@d', path);
    for (const unfit of ['', ' ', 'a b', '"x"', '{"a":1}', 'é', 'x'.repeat(129), '-x', 'a,b']) assert.match(await nameOf('/livez', unfit), /^[0-9a-f]{8}-[0-9a-f-]{27}$/, unfit);
    assert.notEqual(await nameOf('/livez'), await nameOf('/livez'));
  }));
