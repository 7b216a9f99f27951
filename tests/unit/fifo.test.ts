/** First in, first out, against a plain array. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fifo } from '../../src/delivery/fifo.ts';

const step = fc.oneof(fc.integer(), fc.constant('shift' as const));

test('gives things back in the order they came, however pushing and taking alternate', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const fifo = new Fifo<number>();
    const model: number[] = [];
    for (const next of steps) {
      if (next === 'shift') assert.equal(fifo.shift(), model.shift());
      else {
        fifo.push(next);
        model.push(next);
      }
      assert.equal(fifo.length, model.length);
    }
    while (model.length > 0) assert.equal(fifo.shift(), model.shift());
  }));
});

test('answers undefined when empty, and serves again after', () => {
  const fifo = new Fifo<string>();
  assert.equal(fifo.shift(), undefined);
  fifo.push('a');
  assert.deepEqual([fifo.shift(), fifo.shift(), fifo.length], ['a', undefined, 0]);
});
