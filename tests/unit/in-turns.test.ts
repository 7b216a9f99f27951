/** How room in a lane is shared between what waits in the database: half each, and what one kind does not need is the other's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inTurns } from '../../src/streams/offering.ts';

const ofKind = (kind: string) => (length: number): readonly string[] => Array.from({ length }, (_, index) => `${kind}${index}`);
const lists = fc.tuple(fc.nat({ max: 40 }).map(ofKind('f')), fc.nat({ max: 40 }).map(ofKind('r')), fc.nat({ max: 40 }));

test('fills the room, gives each kind its half if it wants it, and keeps their order, by turns', () => {
  fc.assert(fc.property(lists, ([fresh, retries, room]) => {
    const turns = inTurns(fresh, retries, room);
    const [freshTurns, retryTurns] = ['f', 'r'].map((kind) => turns.filter((name) => name.startsWith(kind)));
    assert.equal(turns.length, Math.min(room, fresh.length + retries.length));
    assert.deepEqual([freshTurns, retryTurns], [fresh.slice(0, freshTurns?.length), retries.slice(0, retryTurns?.length)]);
    for (const [mine, all] of [[freshTurns, fresh], [retryTurns, retries]] as const) assert.ok((mine?.length ?? 0) >= Math.min(all.length, Math.floor(room / 2)));
    const mixed = turns.slice(0, 2 * Math.min(freshTurns?.length ?? 0, retryTurns?.length ?? 0));
    assert.ok(mixed.every((name, index) => name.startsWith(index % 2 === 0 ? 'f' : 'r')), mixed.join());
  }));
});
