/**
 * What the marker knows by itself and what it asks the database for. What the database answers is given by the collections here;
 * that the marks themselves are right whatever crashes is shown by the model and the flow tests.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMarker, type EventMark, type Marker } from '../../src/delivery/mark.ts';
import { Tally } from '../../src/delivery/tally.ts';
import type { DeliveryState } from '../../src/domain/delivery.ts';
import { deliveryIdOf, type TargetId } from '../../src/domain/ids.ts';
import type { Store } from '../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { eventIdOf, range } from './delivery-parts.ts';

const TARGETS = ['tgt_a', 'tgt_b', 'tgt_c'] as readonly string[] as readonly TargetId[];
const [A, B, C] = TARGETS as readonly [TargetId, TargetId, TargetId];

interface World {
  readonly marker: Marker;
  readonly clock: FakeClock;
  /** Status words as they were written, each with its events. */
  readonly words: string[];
  readonly reads: () => number;
  readonly inMemory: Set<string>;
  readonly stored: { readonly eventId: string; readonly state: DeliveryState; readonly attemptCount: number }[];
}

function world(): World {
  const [words, inMemory, stored]: [string[], Set<string>, World['stored']] = [[], new Set(), []];
  let reads = 0;
  const store = {
    deliveries: { find: () => ({ toArray: () => { reads += 1; return Promise.resolve(stored); } }) },
    events: {
      updateMany: ({ _id: { $in: ids } }: { readonly _id: { readonly $in: readonly string[] } }, { $set: { status } }: { readonly $set: { readonly status: string } }) => {
        words.push(`${status} ${ids.length}`);
        return Promise.resolve({ matchedCount: ids.length });
      },
    },
  } as unknown as Store;
  const clock = new FakeClock();
  const marker = createMarker({ store, clock, persist: (_, statement) => statement(), isInMemory: (_, id) => inMemory.has(id) });
  return { marker, clock, words, inMemory, stored, reads: () => reads };
}

const mark = (number: number, targetId: TargetId, state: DeliveryState | null, targetIds: readonly TargetId[] = TARGETS): EventMark => ({
  eventId: eventIdOf(number), targetIds, progress: state === null ? null : { targetId, state, attemptCount: 1 },
});

async function write({ marker, clock }: World, ...marks: readonly EventMark[]): Promise<void> {
  for (const one of marks) marker.note(one);
  await clock.advance(100);
  await marker.flush();
}

describe('an event with several targets', () => {
  test('whose deliveries all end here is marked once, by the last of them, and nothing is read', async () => {
    const here = world();
    here.inMemory.add(deliveryIdOf(eventIdOf(1), B)).add(deliveryIdOf(eventIdOf(1), C));
    await write(here, mark(1, A, 'delivered'));
    here.inMemory.delete(deliveryIdOf(eventIdOf(1), B));
    await write(here, mark(1, B, 'dead'));
    assert.deepEqual([here.words, here.reads()], [[], 0]);
    await write(here, mark(1, C, 'delivered'));
    assert.deepEqual([here.words, here.reads()], [['FAILED_PERMANENTLY 1'], 0]);
  });

  test('of which nobody here has the rest is read: another processor may have written it', async () => {
    const here = world();
    here.stored.push(...range(3).map(() => ({ eventId: eventIdOf(1), state: 'delivered', attemptCount: 1 }) as const));
    await write(here, mark(1, A, 'delivered'));
    assert.deepEqual([here.words, here.reads()], [['DELIVERED 1'], 1]);
  });

  test('of which one waits is read once nobody here has the rest, and its word is not the last', async () => {
    const here = world();
    here.stored.push({ eventId: eventIdOf(1), state: 'waiting', attemptCount: 1 }, ...range(2).map(() => ({ eventId: eventIdOf(1), state: 'delivered', attemptCount: 1 }) as const));
    // Its lane forgets it only after it was noted.
    here.inMemory.add(deliveryIdOf(eventIdOf(1), A));
    await write(here, mark(1, B, 'delivered'), mark(1, C, 'delivered'), mark(1, A, 'waiting'));
    assert.deepEqual([here.words, here.reads()], [['FAILED_TEMPORARILY 1'], 1]);
  });

  test('is read when somebody doubts, whatever is in memory', async () => {
    const here = world();
    here.inMemory.add(deliveryIdOf(eventIdOf(1), B));
    await write(here, mark(1, A, 'delivered'), mark(1, B, null));
    assert.equal(here.reads(), 1);
  });

  test('is read again for what a read made it forget', async () => {
    const here = world();
    await write(here, mark(1, A, 'delivered'));
    await write(here, mark(1, B, 'delivered'));
    await write(here, mark(1, C, 'delivered'));
    assert.equal(here.reads(), 3);
  });
});

test('an event with one target is never read', async () => {
  const here = world();
  await write(here, ...range(50).map((number) => mark(number, A, 'delivered', [A])), mark(60, A, 'waiting', [A]));
  assert.deepEqual([here.words, here.reads()], [['DELIVERED 50', 'FAILED_TEMPORARILY 1'], 0]);
});

test('a tally holds so many events and no more: the oldest gives way', () => {
  const tally = new Tally(3);
  for (const number of range(5)) tally.note(eventIdOf(number), A, { state: 'delivered', attemptCount: 1 });
  tally.note(eventIdOf(2), B, { state: 'dead', attemptCount: 1 });
  assert.deepEqual([tally.size, tally.of(eventIdOf(1)).size, tally.of(eventIdOf(2)).size], [3, 0, 2]);
  tally.forget(eventIdOf(2));
  assert.deepEqual([tally.size, tally.of(eventIdOf(2)).size], [2, 0]);
});
