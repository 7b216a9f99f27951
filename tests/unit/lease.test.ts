/** Who should own a lane, and how long a lease is believed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { newSessionId, type TargetId } from '../../src/domain/ids.ts';
import { isTrusted, LEASE_MS, preferredOwner, PREFERENCE_GRACE_MS, RENEW_EVERY_MS, TRUST_MS, type LiveSession } from '../../src/domain/lease.ts';

const session = (member: string): LiveSession => ({ id: newSessionId(0), member });
const sessions = (count: number): readonly LiveSession[] => Array.from({ length: count }, (_, index) => session(`processor-${index}`));
const targets: readonly TargetId[] = Array.from({ length: 2_000 }, (_, index) => `tgt_${index}` as TargetId);
const ownerName = (targetId: TargetId, live: readonly LiveSession[]): string | undefined => preferredOwner(targetId, live)?.member;

describe('the preferred owner of a lane', () => {
  test('is the same to every processor, in whatever order it lists the fleet', () => {
    const members = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 });
    const shuffled = members.chain((names) => fc.tuple(fc.constant(names), fc.shuffledSubarray(names, { minLength: names.length })));
    fc.assert(fc.property(shuffled, fc.nat(), ([names, others], number) => {
      const targetId = `tgt_${number}` as TargetId;
      assert.equal(ownerName(targetId, names.map(session)), ownerName(targetId, others.map(session)));
    }));
  });

  test('is nobody when nobody is alive, and the only one when there is one', () => {
    const alone = session('alone');
    assert.equal(preferredOwner('tgt_a' as TargetId, []), null);
    assert.equal(preferredOwner('tgt_a' as TargetId, [alone]), alone);
  });

  test('changes for nobody but a leaving member’s own targets', () => {
    const fleet = sessions(5);
    for (const leaving of fleet) {
      const rest = fleet.filter((other) => other !== leaving);
      for (const targetId of targets) {
        const before = ownerName(targetId, fleet);
        if (before !== leaving.member) assert.equal(ownerName(targetId, rest), before);
      }
    }
  });

  test('changes only to a joining member, and for about its fair share', () => {
    const fleet = sessions(4);
    const joining = session('newcomer');
    const moved = targets.filter((targetId) => ownerName(targetId, [...fleet, joining]) !== ownerName(targetId, fleet));
    for (const targetId of moved) assert.equal(ownerName(targetId, [...fleet, joining]), 'newcomer');
    assert.ok(moved.length > 300 && moved.length < 500, `expected about 400 of 2000, got ${moved.length}`);
  });

  test('is spread fairly over the fleet', () => {
    const fleet = sessions(8);
    const counts = new Map<string | undefined, number>();
    for (const targetId of targets) counts.set(ownerName(targetId, fleet), (counts.get(ownerName(targetId, fleet)) ?? 0) + 1);
    assert.equal(counts.size, 8);
    // 250 each if perfectly fair; a fair coin strays by about 15, so 25 % off would be a broken hash.
    for (const [member, count] of counts) assert.ok(count > 187 && count < 313, `${String(member)} has ${count}`);
  });

  test('stays through a restart, because members rank by name and not by session', () => {
    const fleet = sessions(5);
    const restarted = fleet.map(({ member }) => ({ id: newSessionId(1_000), member }));
    for (const targetId of targets.slice(0, 200)) assert.equal(ownerName(targetId, restarted), ownerName(targetId, fleet));
  });
});

describe('a lease', () => {
  test('is believed up to ten seconds after the renewal was sent, and not a moment longer', () => {
    assert.equal(isTrusted(5_000, 5_000), true);
    assert.equal(isTrusted(5_000, 5_000 + TRUST_MS - 1), true);
    assert.equal(isTrusted(5_000, 5_000 + TRUST_MS), false);
    assert.equal(isTrusted(5_000, 5_000 + LEASE_MS), false);
  });

  test('is doubted by its holder well before others may act on its end', () => {
    // Twice the renewal: one may be lost without the holder stopping its work.
    const rising: readonly number[] = [PREFERENCE_GRACE_MS, RENEW_EVERY_MS, 2 * RENEW_EVERY_MS, TRUST_MS + 1, LEASE_MS];
    assert.deepEqual(rising.toSorted((a, b) => a - b), rising);
    assert.equal(new Set(rising).size, rising.length);
  });
});
