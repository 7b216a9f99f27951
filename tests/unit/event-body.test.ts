/** What is asked of an event's body, and where a text stops being JSON. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readEventType } from '../../src/ingest/event-body.ts';
import { locateJsonFault } from '../../src/http/json-fault.ts';
import { Problem } from '../../src/http/problem.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const typeOf = (value: unknown): string | null => readEventType(bytes(JSON.stringify(value)));
const codeOf = (body: Uint8Array): string => {
  try {
    readEventType(body);
    return 'read';
  } catch (error) {
    return error instanceof Problem ? error.code : `threw ${String(error)}`;
  }
};

describe('the type of an event', () => {
  const cases: readonly (readonly [what: string, body: unknown, type: string | null])[] = [
    ['stands in type', { type: 'order.created' }, 'order.created'],
    ['or in data.event_type', { data: { event_type: 'order.paid' } }, 'order.paid'],
    ['first in type', { type: 'a', data: { event_type: 'b' } }, 'a'],
    ['in data when type is empty', { type: '', data: { event_type: 'b' } }, 'b'],
    ['in data when type is no text', { type: 7, data: { event_type: 'b' } }, 'b'],
    ['nowhere', {}, null],
    ['nowhere when both are empty', { type: '', data: { event_type: '' } }, null],
    ['nowhere when data is no object', { data: ['event_type'] }, null],
    ['nowhere when data is null', { data: null }, null],
    ['of 255 characters, whatever they are', { type: '😀'.repeat(255) }, '😀'.repeat(255)],
  ];
  for (const [what, body, type] of cases) test(`${what}: ${String(type).slice(0, 20)}`, () => assert.equal(typeOf(body), type));

  test('is the body’s own, not one inherited through __proto__', () => {
    assert.equal(readEventType(bytes('{"__proto__":{"type":"x"}}')), null);
    assert.equal(readEventType(bytes('{"data":{"__proto__":{"event_type":"x"}}}')), null);
  });

  test('is read of a view into a larger buffer', () => {
    const whole = bytes('....{"type":"a"}....');
    assert.equal(readEventType(whole.subarray(4, 16)), 'a');
  });
});

describe('a body is refused', () => {
  const cases: readonly (readonly [what: string, body: string | Uint8Array, code: string])[] = [
    ['empty', '', 'invalid_json'],
    ['with a byte order mark', '\ufeff{}', 'invalid_json'],
    ['cut off', '{"type":', 'invalid_json'],
    ['not UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 'invalid_utf8'],
    ['a surrogate in UTF-8', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 'invalid_utf8'],
    ['an array', '[]', 'schema_mismatch'],
    ['a text', '"a"', 'schema_mismatch'],
    ['null', 'null', 'schema_mismatch'],
    ['of a type too long', JSON.stringify({ type: 'x'.repeat(256) }), 'schema_mismatch'],
    ['of a nested type too long', JSON.stringify({ data: { event_type: 'x'.repeat(256) } }), 'schema_mismatch'],
  ];
  for (const [what, body, code] of cases) test(`${what}: ${code}`, () => assert.equal(codeOf(typeof body === 'string' ? bytes(body) : body), code));
});

describe('the limits of complexity', () => {
  const nested = (depth: number, open = '[', close = ']'): Uint8Array => bytes(`{"a":${open.repeat(depth - 1)}${open === '{"a":' ? '1' : ''}${close.repeat(depth - 1)}}`);
  test('are 64 levels, of arrays and of objects', () => {
    for (const [open, close] of [['[', ']'], ['{"a":', '}']] as const) {
      assert.equal(codeOf(nested(64, open, close)), 'read');
      assert.equal(codeOf(nested(65, open, close)), 'json_too_complex');
    }
  });
  test('are 10,000 keys', () => {
    const keys = (count: number): Uint8Array => bytes(`{${Array.from({ length: count }, (_, index) => `"${index}":0`).join(',')}}`);
    assert.equal(codeOf(keys(10_000)), 'read');
    assert.equal(codeOf(keys(10_001)), 'json_too_complex');
  });
  test('do not count what stands inside texts, escaped quotes included', () => {
    assert.equal(codeOf(bytes(JSON.stringify({ a: '[{:'.repeat(20_000), b: '\\"[[['.repeat(100), c: '\\' }))), 'read');
  });
  test('are kept before anything is parsed, for brackets by the million', () => assert.equal(codeOf(bytes('['.repeat(1_000_000))), 'json_too_complex'));
});

const json = fc.json({ maxDepth: 4 });
/** JSON with something done to it. */
const nearlyJson = fc.tuple(json, fc.nat(), fc.constantFrom('', '"', '{', '}', ',', ':', '\\', '1', ' ', '\n', 'é', '\u0000'), fc.boolean()).map(([text, at, insert, cut]) => {
  const index = at % (text.length + 1);
  return text.slice(0, index) + insert + (cut ? '' : text.slice(index));
});

test('nothing but a Problem is ever thrown, whatever the bytes', () => {
  const body = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'binary' }).map(bytes), nearlyJson.map(bytes));
  fc.assert(fc.property(body, (any) => {
    assert.ok(!codeOf(any).startsWith('threw'), codeOf(any));
  }), { numRuns: 1_000 });
});

test('a fault is told by its place, and the content is not repeated', () => {
  assert.throws(() => readEventType(bytes('{"password":"hunter2",}')), { code: 'invalid_json', detail: 'Expected JSON, got a fault at character 22' });
});

const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** Ends for whatever may be open: one of them makes any beginning of a JSON text whole. */
function isBeginning(text: string): boolean {
  const open: string[] = [];
  let inText = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === '"') inText = !inText;
    else if (inText) index += Number(character === '\\');
    else if (character === '{' || character === '[') open.push(character === '{' ? '}' : ']');
    else if (character === '}' || character === ']') open.pop();
  }
  const closing = open.toReversed().join('');
  const tails = ['', '"', '0', '"":0', ':0', '":0', 'rue', 'ue', 'e', 'alse', 'lse', 'se', 'ull', 'll', 'l', 'n"', '0000"', '000"', '00"', '0000":0', '000":0', '00":0', '0":0', '0"', 'n":0', '}', ']'];
  return tails.some((tail) => parses(text + tail + closing));
}

/** Where the longest beginning of a JSON text ends, found by trying them all. */
function faultByTrying(text: string): number {
  let length = 0;
  while (length < text.length && isBeginning(text.slice(0, length + 1))) length += 1;
  return length;
}

describe('the place where a text stops being JSON', () => {
  for (const [text, place] of [['', 0], ['x', 0], ['{', 1], ['[1,]', 3], ['{"a" 1}', 5], ['{"a":1,}', 7], ['[1}', 2], ['{} {}', 3], ['01', 1], ['[1 2]', 3], ['{"a":tru}', 8], ['["\n"]', 2], [']', 0]] as const) {
    test(`of ${JSON.stringify(text)} is ${place}`, () => assert.equal(locateJsonFault(text), place));
  }

  test('is where the longest beginning of a JSON text ends', () => {
    fc.assert(fc.property(nearlyJson, (text) => {
      fc.pre(!parses(text) && text.length <= 40);
      assert.equal(locateJsonFault(text), faultByTrying(text), JSON.stringify(text));
    }), { numRuns: 150 });
  });

  test('of a text that ends in the middle of a token is its length', () => {
    for (const text of ['{"a":"b', '[tru', '[1.']) assert.equal(locateJsonFault(text), text.length);
  });

  test('is right after more than 64 spaces', () => {
    assert.equal(locateJsonFault(`${' '.repeat(100)}x`), 100);
  });

  test('is found in the largest body that can be configured', () => {
    assert.equal(codeOf(bytes(`{"a":"${'x'.repeat(8_388_600)}`)), 'invalid_json');
  });
});
