/** What a user's schema may hold, that it is proven in a thread of its own, and what its validators tell. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/runtime/clock.ts';
import { compileUserSchema } from '../../src/runtime/user-schema/compile.ts';
import { schemaFault } from '../../src/runtime/user-schema/limits.ts';
import { createSchemaProof } from '../../src/runtime/user-schema/prove.ts';
import { createValidators, schemaHash } from '../../src/runtime/user-schema/validators.ts';

type Json = Readonly<Record<string, unknown>>;

const ORDER: Json = {
  $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', required: ['type', 'amount'],
  properties: { type: { const: 'order' }, amount: { $ref: '#/definitions/money' }, tags: { type: 'array', uniqueItems: true, items: { type: 'string' } }, pattern: { type: 'string' }, format: { enum: [{ $ref: 'anything' }] } },
  definitions: { money: { type: 'integer', minimum: 0 } },
};

const nested = (levels: number): Json => (levels === 0 ? {} : { items: nested(levels - 1) });
const doubling = (count: number): Json => ({
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(Array.from({ length: count }, (_, index) => [`d${index}`, index === count - 1 ? {} : { allOf: [{ $ref: `#/$defs/d${index + 1}` }, { $ref: `#/$defs/d${index + 1}` }] }])),
});

describe('a schema is refused before it is compiled', () => {
  const cases: readonly (readonly [what: string, schema: Json, expected: RegExp])[] = [
    ['over 64 KiB', { description: 'x'.repeat(65_536) }, /at most 65536 bytes/],
    ['of 17 levels', nested(16), /at most 16 schemas/],
    ['with a deep value', { const: JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`) }, /at most 16 levels/],
    ['with a regular expression', { properties: { a: { pattern: '^(a+)+$' } } }, /regular expression/],
    ['with one for names', { patternProperties: { '^(a+)+$': {} } }, /regular expression/],
    ['with a format', { anyOf: [{ format: 'email' }] }, /format/],
    ['that refers outside', { $ref: 'https://example.com/schema.json' }, /must be #\/definitions/],
    ['that refers to a file', { properties: { a: { $ref: 'file:///etc/passwd' } } }, /must be #\/definitions/],
    ['that refers to itself', { $ref: '#' }, /must be #\/definitions/],
    ['that refers to what is not there', { $ref: '#/$defs/__proto__' }, /that is there/],
    ['that goes in a circle', { $ref: '#/$defs/a', $defs: { a: { items: { $ref: '#/$defs/b' } }, b: { not: { $ref: '#/$defs/a' } } } }, /to itself/],
    ['that doubles at each step', doubling(14), /at most 5000 values|at most 16 schemas/],
    ['of too many values', { enum: Array.from({ length: 5_001 }, (_, index) => index) }, /at most 5000 values/],
    ['that compares all items', { uniqueItems: true }, /items whose type/],
    ['that compares objects', { uniqueItems: true, items: { type: ['string', 'object'] } }, /items whose type/],
    ['that makes checking wait', { $async: true }, /must not wait/],
    ['with a name of its own', { $id: 'https://example.com/a' }, /stands for itself/],
  ];
  for (const [what, schema, expected] of cases) test(what, () => assert.match(schemaFault(schema)?.message ?? 'nothing', expected));

  test('and says where', () => assert.equal(schemaFault({ properties: { a: { anyOf: [true, { pattern: 'x' }] } } })?.pointer, '/properties/a/anyOf/1/pattern'));
  test('words that are names or values are none of the schema', () => assert.equal(schemaFault(ORDER), null));
  test('what is referred to twice counts twice', () => assert.match(schemaFault({ allOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/a' }], $defs: { a: { enum: Array.from({ length: 2_000 }, (_, index) => index) } } })?.message ?? '', /at most 5000/));
});

describe('the proof, in a thread of its own', () => {
  const prove = createSchemaProof(systemClock);
  test('passes what can be used', async () => assert.equal(await prove(ORDER), null));
  for (const [what, schema, expected] of [
    ['an unknown keyword', { typ: 'object' }, /unknown keyword/],
    ['a wrong type', { type: 'thing' }, /schema is invalid/],
    ['another draft', { $schema: 'https://json-schema.org/draft/2020-12/schema' }, /no schema with key/],
  ] as const) test(`refuses ${what}`, async () => assert.match((await prove(schema))?.message ?? 'nothing', expected));

  test('ends one that takes too long', async () => {
    const slow: Json = { allOf: Array.from({ length: 400 }, (_, index) => ({ properties: { [`p${index}`]: { anyOf: [{ type: 'string' }, { type: 'integer', minimum: index }] } } })) };
    assert.equal(schemaFault(slow), null);
    assert.match((await createSchemaProof(systemClock, 1)(slow))?.message ?? 'nothing', /longer than 1 ms/);
  });
});

describe('a validator', () => {
  const faultsOf = (schema: Json, value: unknown): readonly unknown[] => {
    const checked = compileUserSchema(schema, { proven: true })(value);
    return checked.ok ? [] : checked.faults;
  };

  test('passes what fits, and tells where something does not', () => {
    assert.deepEqual(faultsOf(ORDER, { type: 'order', amount: 3, tags: ['a', 'b'] }), []);
    assert.deepEqual(faultsOf(ORDER, { type: 'order', amount: -1 }), [{ pointer: '/amount', message: 'must be >= 0' }]);
    assert.deepEqual(faultsOf(ORDER, { type: 'order', amount: 1, tags: ['a', 'a'] }).length, 1);
  });

  test('tells ten faults at most, none of them long', () => {
    const faults = faultsOf({ anyOf: Array.from({ length: 50 }, () => ({ additionalProperties: { type: 'null' } })) }, { ['k'.repeat(10_000)]: 1 });
    assert.equal(faults.length, 10);
    assert.ok(JSON.stringify(faults).length < 6_000);
  });

  test('does not see inherited members', () => assert.equal(faultsOf({ type: 'object', required: ['toString', 'constructor'] }, {}).length, 1));

  test('is compiled once for equal schemas, and kept as long as it is asked for', () => {
    const validators = createValidators(2);
    const of = (schema: Json): unknown => validators.of(schema, schemaHash(schema));
    const [a, b] = [of({ type: 'string' }), of({ type: 'null' })];
    assert.equal(of({ type: 'string' }), a);
    of({ type: 'boolean' });
    assert.equal(of({ type: 'string' }), a, 'asked for since the other');
    assert.notEqual(of({ type: 'null' }), b, 'the one asked for longest ago had to go');
  });
});
