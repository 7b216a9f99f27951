/**
 * Payload filters: what they accept, checked against an evaluator that was written from the description alone and works another
 * way (it lists every value of a body by its path first), and what is refused as a filter.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compileFilter, splitPath, type PayloadFilter } from '../../src/domain/filter.ts';
import { FILTER_LIMITS, readFilter } from '../../src/domain/filter-reading.ts';

/** Every value of a body, by the parts of its path, joined by a character that no key here has. */
function flatten(body: unknown, at: readonly string[] = [], into = new Map<string, unknown>()): ReadonlyMap<string, unknown> {
  into.set(at.join('\0'), body);
  if (Array.isArray(body)) body.forEach((item, index) => flatten(item, [...at, `${index}`], into));
  else if (body !== null && typeof body === 'object') for (const [key, item] of Object.entries(body)) flatten(item, [...at, key], into);
  return into;
}

const partsOf = (path: string): string => path.replace(/\\(.)|\./gs, (_, escaped: string | undefined) => escaped ?? '\0');

function oracle(filter: PayloadFilter, values: ReadonlyMap<string, unknown>): boolean {
  const [operator, operand] = (Object.entries(filter).find(([key]) => key !== 'path') ?? ['', null]) as [string, unknown];
  if (operator === 'not') return !oracle(operand as PayloadFilter, values);
  if (operator === 'all') return (operand as PayloadFilter[]).filter((part) => !oracle(part, values)).length === 0;
  if (operator === 'any') return (operand as PayloadFilter[]).filter((part) => oracle(part, values)).length > 0;
  const path = partsOf((filter as { readonly path: string }).path);
  const isThere = values.has(path);
  const value = values.get(path);
  const equals = (wanted: unknown): boolean => isThere && typeof value === typeof wanted && (value === null || typeof value !== 'object') && JSON.stringify(value) === JSON.stringify(wanted);
  switch (operator) {
    case 'eq': return equals(operand);
    case 'ne': return !equals(operand);
    case 'in': return (operand as unknown[]).some(equals);
    case 'exists': return isThere === operand;
    default: return compares(operator, value, operand);
  }
}

function compares(operator: string, value: unknown, bound: unknown): boolean {
  const [a, b] = [value as number, bound as number];
  if (typeof value !== typeof bound || (typeof value !== 'number' && typeof value !== 'string')) return false;
  const sign = a === b ? 0 : a > b ? 1 : -1;
  return { gt: sign > 0, gte: sign >= 0, lt: sign < 0, lte: sign <= 0 }[operator] ?? false;
}

const key = fc.constantFrom('a', 'b', '0', '1', '01', '__proto__', 'constructor', 'length', 'toString', 'a.b', 'c\\d');
const scalar = fc.oneof(fc.constantFrom(0, 1, 2, -1, 1.5, 1e300), fc.constantFrom('', 'a', 'b', '1', '2026-01-01'), fc.boolean(), fc.constant(null));
const { body } = fc.letrec<{ body: unknown }>((tie) => ({
  body: fc.oneof({ maxDepth: 3 }, scalar, fc.array(tie('body'), { maxLength: 3 }), fc.array(fc.tuple(key, tie('body')), { maxLength: 4 }).map((entries) => JSON.parse(`{${entries.map(([name, item]) => `${JSON.stringify(name)}:${JSON.stringify(item)}`).join()}}`) as unknown)),
}));
const path = fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => keys.map((part) => part.replace(/[\\.]/g, '\\$&')).join('.'));
const bound = scalar.filter((value) => typeof value === 'string' || typeof value === 'number');
const condition = fc.oneof(
  fc.record({ path, eq: scalar }), fc.record({ path, ne: scalar }), fc.record({ path, in: fc.array(scalar, { minLength: 1, maxLength: 4 }) }), fc.record({ path, exists: fc.boolean() }),
  fc.record({ path, gt: bound }), fc.record({ path, gte: bound }), fc.record({ path, lt: bound }), fc.record({ path, lte: bound }),
) as fc.Arbitrary<PayloadFilter>;
const { filter } = fc.letrec<{ filter: PayloadFilter }>((tie) => ({
  filter: fc.oneof({ maxDepth: 3 }, condition, fc.record({ all: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }), fc.record({ any: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }), fc.record({ not: tie('filter') })),
}));

/** As it comes from the wire: without -0, and with `__proto__` as any other key. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

describe('a filter', () => {
  test('accepts what another evaluator accepts', () => {
    let accepted = 0;
    fc.assert(fc.property(filter, body, (asked, sent) => {
      const expected = oracle(asked, flatten(sent));
      accepted += Number(expected);
      assert.equal(compileFilter(asked)(sent), expected);
    }), { numRuns: 3_000 });
    assert.ok(accepted > 300, `only ${accepted} were accepted, so little was shown`);
  });

  test('comes out of reading as it went in, and never fails on any body', () => {
    fc.assert(fc.property(filter, fc.jsonValue(), (asked, sent) => {
      const reading = readFilter(asJson(asked));
      assert.ok(reading.ok, JSON.stringify(reading));
      assert.deepEqual(reading.filter, asJson(asked));
      assert.equal(compileFilter(reading.filter)(sent), compileFilter(asked)(sent));
    }));
  });

  const rows: readonly (readonly [filter: PayloadFilter, body: unknown, accepted: boolean])[] = [
    [{ path: 'data.amount', gte: 100 }, { data: { amount: 100 } }, true],
    [{ path: 'data.amount', gte: 100 }, { data: { amount: '100' } }, false],
    [{ path: 'items.1.sku', eq: 'b' }, { items: [{ sku: 'a' }, { sku: 'b' }] }, true],
    [{ path: 'items.01.sku', exists: true }, { items: [{ sku: 'a' }, { sku: 'b' }] }, false],
    [{ path: 'items.length', exists: true }, { items: [] }, false],
    [{ path: '__proto__.polluted', exists: true }, {}, false],
    [{ path: 'constructor', exists: true }, {}, false],
    [{ path: '__proto__', eq: 1 }, JSON.parse('{"__proto__":1}'), true],
    [{ path: 'a', exists: true }, { a: null }, true],
    [{ path: 'a', eq: null }, {}, false],
    [{ path: 'a', ne: 1 }, {}, true],
    [{ path: 'a', eq: 1 }, { a: [1] }, false],
    [{ path: 'a\\.b', eq: 1 }, { 'a.b': 1 }, true],
    [{ path: 'at', lt: '2026-02' }, { at: '2026-01-31' }, true],
    [{ path: 'a', exists: false }, 'a text', true],
  ];
  for (const [asked, sent, accepted] of rows) test(`${JSON.stringify(asked)} ${accepted ? 'accepts' : 'leaves'} ${JSON.stringify(sent)}`, () => assert.equal(compileFilter(asked)(sent), accepted));
});

const nested = (depth: number): unknown => (depth === 1 ? { path: 'a', eq: 1 } : { not: nested(depth - 1) });
const wide = (count: number): unknown => ({ any: Array.from({ length: count }, () => ({ path: 'a', eq: 1 })) });

describe('no filter, and the place is told:', () => {
  const rows: readonly (readonly [value: unknown, pointer: string])[] = [
    [null, ''], [[], ''], ['a', ''], [{}, ''],
    [{ all: [] }, '/all'], [{ any: {} }, '/any'], [{ all: [{}], any: [{}] }, ''], [{ nor: [] }, ''],
    [{ not: [{ path: 'a', eq: 1 }] }, '/not'],
    [{ path: 'a' }, ''], [{ path: 'a', eq: 1, ne: 2 }, ''], [{ eq: 1 }, ''],
    [{ path: '', eq: 1 }, '/path'], [{ path: 'a..b', eq: 1 }, '/path'], [{ path: 'a\\', eq: 1 }, '/path'], [{ path: 7, eq: 1 }, '/path'],
    [{ path: 'a'.repeat(257), eq: 1 }, '/path'], [{ path: Array.from({ length: 17 }, () => 'a').join('.'), eq: 1 }, '/path'],
    [{ path: 'a', regex: 'x' }, '/regex'], [{ path: 'a', $where: '1' }, '/$where'], [{ path: 'a', 'x/y': 1 }, '/x~1y'],
    [{ path: 'a', eq: {} }, '/eq'], [{ path: 'a', eq: [] }, '/eq'], [{ path: 'a', eq: 'x'.repeat(1_025) }, '/eq'], [{ path: 'a', eq: '\ud800' }, '/eq'], [{ path: 'a', eq: 1e999 }, '/eq'],
    [{ path: 'a', in: [] }, '/in'], [{ path: 'a', in: [1, {}] }, '/in/1'], [{ path: 'a', in: Array.from({ length: 101 }, () => 1) }, '/in'],
    [{ path: 'a', exists: 1 }, '/exists'], [{ path: 'a', gt: true }, '/gt'], [{ path: 'a', lte: null }, '/lte'],
    [{ all: [{ path: 'a', eq: 1 }, { any: [{ path: 'b', gt: [] }] }] }, '/all/1/any/0/gt'],
    [nested(FILTER_LIMITS.depth + 1), '/not'.repeat(FILTER_LIMITS.depth)],
    [wide(FILTER_LIMITS.nodes), `/any/${FILTER_LIMITS.nodes - 1}`],
    [JSON.parse('{"path":"a","__proto__":1}'), '/__proto__'],
  ];
  for (const [value, pointer] of rows) {
    test(`${JSON.stringify(value).slice(0, 60)} at ${JSON.stringify(pointer)}`, () => {
      const reading = readFilter(value);
      assert.deepEqual(reading.ok || reading.fault.pointer, pointer);
    });
  }

  test('and what is just within bounds is one', () => {
    for (const value of [nested(FILTER_LIMITS.depth), wide(FILTER_LIMITS.nodes - 1)]) assert.equal(readFilter(value).ok, true);
  });

  test('whatever JSON comes', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => typeof readFilter(value).ok === 'boolean'));
  });
});

test('a path is split at dots that no backslash stands before', () => {
  assert.deepEqual([splitPath('a.b'), splitPath('a\\.b'), splitPath('a\\\\.b'), splitPath('.a'), splitPath('a\\')], [['a', 'b'], ['a.b'], ['a\\', 'b'], null, null]);
});
