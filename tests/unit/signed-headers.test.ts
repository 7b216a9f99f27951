/** What is read of a signed request's headers, in both sets of names, and what is refused before any key is tried. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Problem } from '../../src/http/problem.ts';
import { readSignedHeaders, type HeaderReader, type SignedHeaders } from '../../src/ingest/signed-headers.ts';

const HEX = 'a1'.repeat(32);
const BASE64 = Buffer.alloc(32, 7).toString('base64');
const X = { 'X-Signature': HEX, 'X-Timestamp': '1767225600', 'X-Idempotency-Key': 'order-1' };
const STANDARD = { 'webhook-signature': `v1,${BASE64}`, 'webhook-timestamp': '1767225600', 'webhook-id': 'msg_1' };

const readerOf = (headers: Readonly<Record<string, string | undefined>>): HeaderReader => (name) => headers[name];
const read = (headers: Readonly<Record<string, string | undefined>>): SignedHeaders => readSignedHeaders(readerOf(headers));
const code = (headers: Readonly<Record<string, string | undefined>>): string => {
  try {
    read(headers);
    return 'read';
  } catch (error) {
    return error instanceof Problem ? error.code : `threw ${String(error)}`;
  }
};

test('both sets of names are read, and the text of the timestamp stays as it was signed', () => {
  assert.deepEqual(read(X), { scheme: 'x', idempotencyKey: 'order-1', timestamp: '1767225600', timestampMs: 1_767_225_600_000, digests: [Buffer.from(HEX, 'hex')] });
  assert.deepEqual(read(STANDARD), { scheme: 'standard', idempotencyKey: 'msg_1', timestamp: '1767225600', timestampMs: 1_767_225_600_000, digests: [Buffer.alloc(32, 7)] });
});

test('the sets are never mixed: the signature’s own set must be whole', () => {
  assert.equal(code({ ...STANDARD, 'X-Signature': HEX }), 'missing_header');
  assert.equal(code({ ...X, 'X-Idempotency-Key': undefined, 'webhook-id': 'msg_1' }), 'missing_header');
  assert.equal(read({ ...X, ...STANDARD }).scheme, 'x');
});

describe('what is missing', () => {
  for (const [what, headers, expected] of [
    ['everything', {}, 'missing_signature'],
    ['the signature', { ...X, 'X-Signature': undefined }, 'missing_signature'],
    ['the timestamp', { ...X, 'X-Timestamp': undefined }, 'missing_header'],
    ['the key', { ...STANDARD, 'webhook-id': '' }, 'missing_header'],
  ] as const) test(`is told: ${what}`, () => assert.equal(code(headers), expected));
});

describe('a timestamp', () => {
  const cases: readonly (readonly [text: string, x: string, standard: string])[] = [
    ['1767225600', 'read', 'read'],
    ['2026-01-01T00:00:00Z', 'read', 'invalid_timestamp'],
    ['2026-01-01T00:00:00.123456789Z', 'read', 'invalid_timestamp'],
    ['2026-01-01T00:00:00+00:00', 'invalid_timestamp', 'invalid_timestamp'],
    ['2026-13-01T00:00:00Z', 'invalid_timestamp', 'invalid_timestamp'],
    ['1767225600000', 'invalid_timestamp', 'invalid_timestamp'],
    ['176722560', 'invalid_timestamp', 'invalid_timestamp'],
    ['-767225600', 'invalid_timestamp', 'invalid_timestamp'],
    ['1767225.60', 'invalid_timestamp', 'invalid_timestamp'],
    ['0x69571d80', 'invalid_timestamp', 'invalid_timestamp'],
    ['1767225600 ', 'invalid_timestamp', 'invalid_timestamp'],
    ['١٧٦٧٢٢٥٦٠٠', 'invalid_timestamp', 'invalid_timestamp'],
    ['now', 'invalid_timestamp', 'invalid_timestamp'],
  ];
  for (const [text, x, standard] of cases) {
    test(`${JSON.stringify(text)}: ${x}, ${standard}`, () => {
      assert.equal(code({ ...X, 'X-Timestamp': text }), x);
      assert.equal(code({ ...STANDARD, 'webhook-timestamp': text }), standard);
    });
  }
});

test('an idempotency key has 1 to 255 visible ASCII characters', () => {
  for (const good of ['a', '!~', 'k'.repeat(255)]) assert.equal(code({ ...X, 'X-Idempotency-Key': good }), 'read');
  for (const bad of ['k'.repeat(256), 'a b', 'a\tb', 'ключ', 'a\u0000', 'é', '\n']) assert.equal(code({ ...X, 'X-Idempotency-Key': bad }), 'invalid_idempotency_key', JSON.stringify(bad));
});

describe('signatures', () => {
  const digests = (scheme: 'x' | 'standard', text: string): number => read(scheme === 'x' ? { ...X, 'X-Signature': text } : { ...STANDARD, 'webhook-signature': text }).digests.length;
  const cases: readonly (readonly [scheme: 'x' | 'standard', text: string, count: number])[] = [
    ['x', HEX, 1],
    ['x', `v1=${HEX}`, 1],
    ['x', HEX.toUpperCase(), 1],
    ['x', `${HEX}, v1=${HEX} ,rubbish`, 2],
    ['x', HEX.slice(1), 0],
    ['x', `${HEX}00`, 0],
    ['x', `v2=${HEX}`, 0],
    ['x', `${HEX.slice(2)}zz`, 0],
    ['x', '', 0],
    ['x', Array.from({ length: 50 }, () => HEX).join(','), 10],
    ['standard', `v1,${BASE64} v1,${BASE64}`, 2],
    ['standard', `v1a,${BASE64} v1,${BASE64}`, 1],
    ['standard', BASE64, 0],
    ['standard', `v1,${BASE64.replace('=', '')}`, 0],
    ['standard', `v1,${'-'.repeat(43)}=`, 0],
    ['standard', `v1,${BASE64}x`, 0],
  ];
  for (const [scheme, text, count] of cases) test(`${scheme} ${JSON.stringify(text.slice(0, 24))} (${text.length}) holds ${count}`, () => assert.equal(digests(scheme, text), count));
});

test('whatever stands in the headers, it is read or refused with a reason, and every digest has 32 bytes', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant(HEX), fc.constant('1767225600'), fc.constant(undefined));
  const headers = fc.record(Object.fromEntries([...Object.keys(X), ...Object.keys(STANDARD)].map((name) => [name, text])));
  fc.assert(fc.property(headers, (any) => {
    try {
      const { digests, timestampMs } = read(any);
      assert.ok(Number.isFinite(timestampMs) && digests.length <= 10 && digests.every(({ length }) => length === 32));
    } catch (error) {
      assert.ok(error instanceof Problem, String(error));
    }
  }), { numRuns: 500 });
});
