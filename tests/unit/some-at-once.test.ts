import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someAtOnce } from '../../src/runtime/some-at-once.ts';
import { settled } from '../support/fake-clock.ts';
import { deferred, range, type Deferred } from './delivery-parts.ts';

test('so many are under way and no more, each is done once, and it ends with the last', async () => {
  const open: (Deferred<void> & { readonly item: number })[] = [];
  let ended = false;
  const all = someAtOnce(range(7), 3, (item) => {
    const one = deferred();
    open.push({ ...one, item });
    return one.promise;
  }).then(() => (ended = true));
  for (const count of [3, 4, 5, 6, 7]) {
    assert.equal(open.length, count);
    open[count - 3]?.resolve();
    await settled();
  }
  for (const { resolve } of open) resolve();
  assert.equal(ended, false);
  await all;
  assert.deepEqual(open.map(({ item }) => item), range(7));
});

test('after a fault none is begun, those under way are waited for, and the fault is told', async () => {
  let begun = 0;
  let told: unknown = null;
  const slow = deferred();
  const all = someAtOnce(range(10), 2, (item) => {
    begun += 1;
    return item === 1 ? Promise.reject(new Error('No')) : slow.promise;
  }).catch((error: unknown) => (told = error));
  await settled();
  assert.deepEqual([begun, told], [2, null]);
  slow.resolve();
  await all;
  assert.deepEqual([begun, String(told)], [2, 'Error: No']);
});

test('nothing is done at once', async () => {
  await someAtOnce([], 3, () => assert.fail('there is nothing'));
});
