/** Whom an event is owed to must not depend on what was asked before, nor cost what nobody asks for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TargetId } from '../../src/domain/ids.ts';
import { createRouting } from '../../src/domain/routing.ts';
import { targetsOfType } from '../../src/domain/target.ts';
import { targetWith } from './delivery-parts.ts';

const word = fc.constantFrom('order', 'invoice', 'paid', 'created', 'x');
const type = fc.oneof(fc.constant(null), fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.')));
const pattern = fc.oneof(fc.constant('*'), word.map((first) => `${first}.*`), word.map((first) => `!${first}.*`), type.filter((text) => text !== null));
const filter = fc.constantFrom(null, null, { path: 'n', gte: 5 } as const, { path: 'n', eq: 3 } as const);
const target = fc.record({ id: fc.uuid().map((id) => `tgt_${id}` as TargetId), eventTypes: fc.array(pattern, { minLength: 1, maxLength: 3 }), filter }).map(targetWith);

const bodyOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const wants = (asked: (typeof filter extends fc.Arbitrary<infer T> ? T : never), n: number): boolean => asked === null || ('gte' in asked ? n >= 5 : n === 3);

test('the answer is that of every target asked, by type and by body, however often and in whatever order', () => {
  fc.assert(fc.property(fc.array(target, { maxLength: 8 }), fc.array(fc.tuple(type, fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 30 }), (targets, events) => {
    const routesOf = createRouting(targets);
    for (const [asked, n] of events) {
      const expected = targetsOfType(targets, asked).filter((one) => wants(one.filter as never, n)).map(({ id }) => id);
      assert.deepEqual(routesOf({ type: asked, body: bodyOf({ n }) }), expected);
    }
  }));
});

test('more types than are remembered cost memory for that many only, and no answer', () => {
  const routesOf = createRouting([targetWith({ eventTypes: ['order.*'] })]);
  const body = bodyOf({});
  for (let number = 0; number < 25_000; number += 1) assert.equal(routesOf({ type: number % 2 === 0 ? `order.${number}` : `other.${number}`, body }).length, 1 - (number % 2));
});

/** A body that tells how often it was looked at. */
function watchedBody(): { readonly body: Uint8Array; readonly reads: () => number } {
  let reads = 0;
  const bytes = bodyOf({ n: 7 });
  const body = new Proxy(bytes, { get(of, key) {
    if (key === 'buffer') reads += 1;
    const value: unknown = Reflect.get(of, key, of);
    return value;
  } });
  return { body, reads: () => reads };
}

test('a body is looked at once, and only where a target that wants the type has a filter', () => {
  const filtered = (id: string): ReturnType<typeof targetWith> => targetWith({ id: id as TargetId, eventTypes: ['order.*'], filter: { path: 'n', gte: 5 } });
  const routesOf = createRouting([targetWith({ id: 'tgt_all' as TargetId }), filtered('tgt_a'), filtered('tgt_b')]);
  const { body, reads } = watchedBody();
  assert.deepEqual([routesOf({ type: 'invoice.paid', body }), reads()], [['tgt_all'], 0]);
  assert.deepEqual([routesOf({ type: 'order.paid', body }), reads()], [['tgt_all', 'tgt_a', 'tgt_b'], 1]);
});

test('what is no JSON passes no filter, not even one that says not', () => {
  const routesOf = createRouting([targetWith({ id: 'tgt_all' as TargetId }), targetWith({ filter: { not: { path: 'n', exists: true } } })]);
  assert.deepEqual(routesOf({ type: 'x', body: Buffer.from('{"n":') }), ['tgt_all']);
});
