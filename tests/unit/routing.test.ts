/** Whom an event is owed to must not depend on what was asked before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TargetId } from '../../src/domain/ids.ts';
import { createRouting } from '../../src/domain/routing.ts';
import { resolveTargets } from '../../src/domain/target.ts';
import { targetWith } from './delivery-parts.ts';

const word = fc.constantFrom('order', 'invoice', 'paid', 'created', 'x');
const type = fc.oneof(fc.constant(null), fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.')));
const pattern = fc.oneof(fc.constant('*'), word.map((first) => `${first}.*`), type.filter((text) => text !== null));
const target = fc.record({ id: fc.uuid().map((id) => `tgt_${id}` as TargetId), eventTypes: fc.array(pattern, { minLength: 1, maxLength: 3 }) }).map(targetWith);

test('the answer is that of every target asked, however often and in whatever order', () => {
  fc.assert(fc.property(fc.array(target, { maxLength: 8 }), fc.array(type, { minLength: 1, maxLength: 30 }), (targets, types) => {
    const routesOf = createRouting(targets);
    for (const asked of types) assert.deepEqual(routesOf(asked), resolveTargets(targets, asked));
  }));
});

test('more types than are remembered cost memory for that many only, and no answer', () => {
  const routesOf = createRouting([targetWith({ eventTypes: ['order.*'] })]);
  for (let number = 0; number < 25_000; number += 1) assert.equal(routesOf(number % 2 === 0 ? `order.${number}` : `other.${number}`).length, 1 - (number % 2));
});
