/** Bad input of every kind; a number is that of the case in the table of hostile ones. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { useMongo } from '../support/mongo.ts';
import { post, type PostOptions } from '../support/post.ts';
import { INGEST_SECRET } from '../support/world.ts';
import { signedHeaders } from '../../tools/send/sign.ts';

const { inWorld } = useMongo();

const at = (offsetS: number): Readonly<Record<string, string>> => signedHeaders(INGEST_SECRET, 'k', Buffer.from('{}'), Date.now() + offsetS * 1000, 'x');
const deep = '['.repeat(100_000);
const wide = `{${Array.from({ length: 60_000 }, (_, index) => `"k${index}":1`).join(',')}}`;

/** What is sent, and the status and code it must be refused with. */
const REFUSALS: readonly (readonly [string, PostOptions, number, string])[] = [
  ['case 1: no signature', { headers: { 'X-Signature': undefined } }, 401, 'missing_signature'],
  ['case 2: a signature by another secret', { secret: 'another' }, 401, 'invalid_signature'],
  ['a signature of another form', { headers: { 'X-Signature': 'abc' } }, 401, 'invalid_signature'],
  ['case 3: a signature over other bytes that mean the same', { body: '{"a": 1}', headers: signedHeaders(INGEST_SECRET, 'k', Buffer.from('{"a":1}'), Date.now(), 'x') }, 401, 'invalid_signature'],
  ['no timestamp', { headers: { 'X-Timestamp': undefined } }, 400, 'missing_header'],
  ['case 9: no key', { headers: { 'X-Idempotency-Key': undefined } }, 400, 'missing_header'],
  ['case 9: a key of 256 characters', { key: 'k'.repeat(256) }, 400, 'invalid_idempotency_key'],
  ['case 9: a key with a space', { key: 'a b' }, 400, 'invalid_idempotency_key'],
  ['case 5: a timestamp of nine digits', { headers: { 'X-Timestamp': '123456789' } }, 400, 'invalid_timestamp'],
  ['case 5: a timestamp in milliseconds', { headers: { 'X-Timestamp': '1700000000000' } }, 400, 'invalid_timestamp'],
  ['case 5: a timestamp in hex', { headers: { 'X-Timestamp': '0x69571d80' } }, 400, 'invalid_timestamp'],
  ['case 5: a timestamp with spaces', { headers: { 'X-Timestamp': '17672 25600' } }, 400, 'invalid_timestamp'],
  ['case 5: a timestamp in exponent form', { headers: { 'X-Timestamp': '1e9' } }, 400, 'invalid_timestamp'],
  ['a time with an offset', { headers: { 'X-Timestamp': '2026-11-23T10:00:00+01:00' } }, 400, 'invalid_timestamp'],
  ['a day that does not exist', { headers: { 'X-Timestamp': '2026-13-41T10:00:00Z' } }, 400, 'invalid_timestamp'],
  ['case 4: a timestamp 302 s old', { key: 'k', body: '{}', headers: at(-302) }, 401, 'timestamp_out_of_window'],
  ['case 4: a timestamp 400 s ahead', { key: 'k', body: '{}', headers: at(400) }, 401, 'timestamp_out_of_window'],
  ['a body over the cap', { body: `{"a":"${'x'.repeat(300_000)}"}` }, 413, 'body_too_large'],
  ['case 20: a form', { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, 415, 'unsupported_media_type'],
  ['case 20: a compressed body', { headers: { 'Content-Encoding': 'gzip' } }, 415, 'unsupported_encoding'],
  ['nothing', { body: '' }, 400, 'invalid_json'],
  ['case 15: half an object', { body: '{"secret":"value"' }, 400, 'invalid_json'],
  ['an array', { body: '[1]' }, 422, 'schema_mismatch'],
  ['a string', { body: '"a"' }, 422, 'schema_mismatch'],
  ['a type of 256 characters', { body: JSON.stringify({ type: 't'.repeat(256) }) }, 422, 'schema_mismatch'],
  ['case 16: 100,000 levels', { body: deep }, 400, 'json_too_complex'],
];

test('every refusal is a problem with its stable code, says what was expected, and stores nothing', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    for (const [name, options, status, code] of REFUSALS) {
      const refusal = await post(url, options);
      assert.deepEqual([refusal.status, refusal.body.code], [status, code], name);
      assert.equal(refusal.headers.get('content-type'), 'application/problem+json', name);
      assert.match(refusal.body.detail, /[Ee]xpected/, name);
      assert.ok(!refusal.body.detail.includes('secret":'), `${name}: the body is not echoed`);
    }
    assert.equal(await world.store.events.countDocuments(), 0);
  }));

test('case 16: 60,000 keys are refused for their number, when the cap lets them in', () =>
  inWorld({ env: { INGEST_MAX_BODY_BYTES: '8388608' } }, async (world) => {
    const { url } = await world.server();
    assert.equal((await post(url, { body: wide })).body.code, 'json_too_complex');
  }));

test('case 15: says where the JSON breaks', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    assert.match((await post(url, { body: '{"a":1,}' })).body.detail, /at character 7/);
  }));

/** Raw bytes over a socket; answers all that comes back. */
async function raw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  return text(socket);
}

test('cases 12 and 14: what does not parse as HTTP is answered as a problem too, and harms nobody', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const path = 'POST /api/v1/webhooks/ingest HTTP/1.1\r\nHost: x\r\n';
    assert.match(await raw(url, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*"code":"bad_request"/);
    assert.match(await raw(url, `${path}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`), /^HTTP\/1\.1 400 [\s\S]*"code":"bad_request"/);
    assert.match(await raw(url, `${path}Content-Length: abc\r\n\r\n`), /^HTTP\/1\.1 400 /);
    assert.match(await raw(url, `${path}X-Long: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 [\s\S]*"code":"headers_too_large"/);
    assert.equal((await post(url)).status, 202);
  }));

test('case 11: a chunked body over the cap is refused while it streams in', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const body = `{"a":"${'x'.repeat(300_000)}"}`;
    const chunks = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(body));
        controller.close();
      },
    });
    const headers = signedHeaders(INGEST_SECRET, 'k', Buffer.from(body), Date.now(), 'x');
    const answer = await fetch(`${url}/api/v1/webhooks/ingest`, { method: 'POST', headers, body: chunks, duplex: 'half' });
    assert.equal(answer.status, 413);
  }));

test('other methods and other paths are told what there is', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    assert.equal((await fetch(`${url}/api/v1/webhooks/ingest`)).status, 405);
    assert.equal((await fetch(`${url}/nothing`)).status, 404);
  }));

test('case 17: keys that could pollute objects or queries are kept as bytes', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    await world.processor();
    const body = '{"__proto__":{"polluted":1},"constructor":{"prototype":{}},"$where":"1","type":"order.created"}';
    assert.equal((await post(url, { body })).status, 202);
    await world.settled(1);
    assert.equal(world.sink.requests[0]?.body.toString(), body);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  }));
