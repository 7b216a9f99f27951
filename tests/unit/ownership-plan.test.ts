/** Who takes, keeps and hands over which lane, from one look; and what several processors make of the same look. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WELL } from '../../src/domain/breaker.ts';
import fc from 'fast-check';
import type { SessionId, TargetId } from '../../src/domain/ids.ts';
import { LEASE_MS, PASSED_OVER_MS, PREFERENCE_GRACE_MS, preferredOwner } from '../../src/domain/lease.ts';
import type { LaneRecord } from '../../src/store/lanes.ts';
import type { SessionInfo } from '../../src/store/sessions.ts';
import { planOwnership, preferredOf, type OwnershipLook, type OwnershipPlan } from '../../src/streams/ownership-plan.ts';
import { PassedOver } from '../../src/streams/passed-over.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { range } from './delivery-parts.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

/** A session that was renewed so long ago. */
const session = (member: string, renewedAgoMs = 0): SessionInfo => ({ id: `ses_${member}` as SessionId, member, host: 'host', pid: 1, until: new Date(NOW_MS + LEASE_MS - renewedAgoMs), leaving: false });
const lane = (number: number, owner: SessionInfo | null, term = 1): LaneRecord => ({ targetId: `tgt_${number}` as TargetId, owner: owner?.id ?? null, term, holdUntil: null, health: WELL });
const [a, b] = [session('a'), session('b')];

/** Lanes by who is preferred for them, of a and b. */
const preferring = (who: SessionInfo): readonly number[] => range(40).filter((number) => preferredOwner(`tgt_${number}` as TargetId, [a, b])?.id === who.id);
const [ofA, ofB] = [preferring(a)[0] ?? 0, preferring(b)[0] ?? 0];

const plan = (own: SessionInfo, look: Partial<OwnershipLook>): OwnershipPlan => planOwnership({ own: own.id, lanes: [], sessions: [a, b], serverNowMs: NOW_MS, held: new Map(), freeForMs: () => 0, passedOver: () => null, ...look });
const holding = (...lanes: readonly LaneRecord[]): ReadonlyMap<TargetId, number> => new Map(lanes.map(({ targetId, term }) => [targetId, term]));
const nothing: OwnershipPlan = { lost: [], release: [], take: [], leave: [] };

describe('one look at the lanes', () => {
  test('takes a free lane that is one’s own by preference, at once', () => {
    const free = lane(ofA, null);
    assert.deepEqual(plan(a, { lanes: [free] }), { ...nothing, take: [free] });
  });

  test('leaves another’s to it for two seconds, and takes it then', () => {
    const free = lane(ofB, null);
    assert.deepEqual(plan(a, { lanes: [free], freeForMs: () => PREFERENCE_GRACE_MS - 1 }), { ...nothing, leave: [free] });
    assert.deepEqual(plan(a, { lanes: [free], freeForMs: () => PREFERENCE_GRACE_MS }), { ...nothing, take: [free] });
  });

  test('treats a lane whose owner’s session has ended as free', () => {
    const orphan = lane(ofA, session('gone'));
    assert.deepEqual(plan(a, { lanes: [orphan] }), { ...nothing, take: [orphan] });
  });

  test('leaves alone what a living session owns, one that renewed long ago as well', () => {
    const stale = session('b', 14_000);
    assert.deepEqual(plan(a, { sessions: [a, stale], lanes: [lane(ofA, stale), lane(ofB, stale)] }), nothing);
  });

  test('keeps what it holds and should hold, and hands over what another should', () => {
    const [mine, others] = [lane(ofA, a), lane(ofB, a)];
    assert.deepEqual(plan(a, { lanes: [mine, others], held: holding(mine, others) }), { ...nothing, release: [others] });
  });

  test('hands nothing to a session that has not renewed for seven seconds', () => {
    const others = lane(ofB, a);
    for (const [agoMs, released] of [[6_999, 1], [7_000, 0]] as const) {
      assert.equal(plan(a, { sessions: [a, session('b', agoMs)], lanes: [others], held: holding(others) }).release.length, released, `${agoMs} ms`);
    }
  });

  test('takes at once what a session on its way out would have had, and hands nothing to it', () => {
    const leaving = { ...b, leaving: true };
    const [free, mine] = [lane(ofB, null), lane(preferring(b)[1] ?? 0, a)];
    assert.deepEqual(plan(a, { sessions: [a, leaving], lanes: [free, mine], held: holding(mine) }), { ...nothing, take: [free] });
  });

  test('keeps a lane from the session that let it lie free, and from no other', () => {
    const others = lane(ofB, a);
    const look = { lanes: [others], held: holding(others) };
    assert.deepEqual(plan(a, { ...look, passedOver: () => b.id }), nothing);
    assert.deepEqual(plan(a, { ...look, passedOver: () => a.id }).release, [others]);
  });

  test('stops at once what another has taken, what has a newer term, and what is there no more; and releases none of them', () => {
    const held = holding(lane(1, a), lane(2, a), lane(3, a));
    const found = plan(a, { held, lanes: [lane(1, b, 2), lane(2, null, 1)] });
    assert.deepEqual([found.lost, found.release], [['tgt_1', 'tgt_2', 'tgt_3'], []]);
  });

  test('takes again what is its own in the database under a term it does not hold: a taking that was cut', () => {
    const half = lane(ofA, a, 5);
    assert.deepEqual(plan(a, { lanes: [half] }).take, [half]);
    const { lost, take } = plan(a, { lanes: [half], held: holding(lane(ofA, a, 4)) });
    assert.deepEqual([lost, take], [[half.targetId], [half]]);
  });
});

/** A fleet on one database that makes one round after the other from the same look, each round taking `roundMs`. */
class Fleet {
  readonly sessions: readonly SessionInfo[];
  lanes: LaneRecord[];
  readonly freeForMs = new Map<TargetId, number>();
  readonly held = new Map<SessionId, Map<TargetId, number>>();
  readonly #passedOver = new Map<string, SessionId>();
  /** They renew their sessions, and do nothing else. */
  readonly #idle: ReadonlySet<SessionId>;
  moves = 0;

  constructor(sessions: readonly SessionInfo[], lanes: readonly LaneRecord[], idle: readonly SessionInfo[] = []) {
    this.sessions = sessions;
    this.#idle = new Set(idle.map(({ id }) => id));
    this.lanes = [...lanes];
    for (const { id } of sessions) this.held.set(id, new Map(lanes.filter(({ owner }) => owner === id).map(({ targetId, term }) => [targetId, term])));
  }

  /** Who would take what; each processor looks before any of them writes. */
  plans(): readonly { readonly own: SessionId; readonly plan: OwnershipPlan }[] {
    const look = { lanes: this.lanes, sessions: this.sessions, freeForMs: (id: TargetId) => this.freeForMs.get(id) ?? 0 };
    return this.sessions.filter(({ id }) => !this.#idle.has(id)).map((own) => ({ own: own.id, plan: plan(own, { ...look, held: this.held.get(own.id) ?? new Map(), passedOver: (id) => this.#passedOver.get(`${own.id} ${id}`) ?? null }) }));
  }

  /** The database lets the first of several takers have it: owner and term must be as they were read. */
  round(roundMs: number): void {
    for (const { own, plan: { lost, release, take } } of this.plans()) {
      const held = this.held.get(own) ?? new Map<TargetId, number>();
      for (const targetId of lost) held.delete(targetId);
      for (const seen of release) {
        held.delete(seen.targetId);
        this.#write(seen, { ...seen, owner: null });
      }
      for (const seen of take) if (this.#write(seen, { ...seen, owner: own, term: seen.term + 1 })) this.#took(own, seen, held);
    }
    for (const { targetId, owner } of this.lanes) this.freeForMs.set(targetId, owner === null ? (this.freeForMs.get(targetId) ?? 0) + roundMs : 0);
  }

  #took(own: SessionId, { targetId, term }: LaneRecord, held: Map<TargetId, number>): void {
    held.set(targetId, term + 1);
    const preferred = preferredOf({ own, sessions: this.sessions, serverNowMs: NOW_MS })(targetId);
    if (preferred !== null && preferred !== own) this.#passedOver.set(`${own} ${targetId}`, preferred);
  }

  #write(seen: LaneRecord, next: LaneRecord): boolean {
    const index = this.lanes.findIndex(({ targetId, owner, term }) => targetId === seen.targetId && owner === seen.owner && term === seen.term);
    if (index >= 0) this.lanes[index] = next;
    this.moves += Number(index >= 0);
    return index >= 0;
  }
}

const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 });
const fresh = members.map((names) => names.map((name, index) => session(name, index * 1_300)));

describe('a fleet with one look', () => {
  test('of fresh sessions never takes a lane twice in one round: before the grace is over, its preferred owner alone takes it', () => {
    fc.assert(fc.property(fresh, fc.integer({ min: 1, max: 30 }), (sessions, count) => {
      const fleet = new Fleet(sessions, range(count).map((number) => lane(number, null)));
      const takers = fleet.plans().flatMap(({ plan: { take } }) => take.map(({ targetId }) => targetId));
      assert.deepEqual(takers.toSorted(), fleet.lanes.map(({ targetId }) => targetId).toSorted());
    }));
  });

  test('has every lane owned once the grace is over, whoever of it is stale or gone, and then lets it rest', () => {
    const ages = fc.array(fc.integer({ min: 0, max: 14_900 }), { minLength: 5, maxLength: 5 });
    const owner = fc.option(fc.nat(6), { nil: null });
    fc.assert(fc.property(members, ages, fc.array(owner, { minLength: 1, maxLength: 20 }), (names, agesMs, owners) => {
      const sessions = names.map((name, index) => session(name, agesMs[index] ?? 0));
      const fleet = new Fleet(sessions, owners.map((index, number) => lane(number, index === null ? null : (sessions[index] ?? session('gone')))));
      range(8).forEach(() => fleet.round(500));
      assert.ok(fleet.lanes.every(({ owner: id }) => sessions.some((live) => live.id === id)), 'a lane without a living owner');
      const { moves } = fleet;
      range(20).forEach(() => fleet.round(500));
      assert.equal(fleet.moves, moves, 'lanes go on changing hands');
    }));
  });

  test('lets the lanes of a member that renews and takes nothing rest with the others', () => {
    fc.assert(fc.property(fresh.filter(({ length }) => length > 1), fc.integer({ min: 1, max: 20 }), (sessions, count) => {
      const fleet = new Fleet(sessions, range(count).map((number) => lane(number, null)), sessions.slice(0, 1));
      range(16).forEach(() => fleet.round(500));
      assert.ok(fleet.lanes.every(({ owner }) => owner !== null && owner !== sessions[0]?.id), 'a lane without an owner that works');
      const { moves } = fleet;
      range(20).forEach(() => fleet.round(500));
      assert.equal(fleet.moves, moves, 'lanes go on changing hands');
    }));
  });
});

test('a session that let a lane lie free is passed over for five minutes, for that lane', async () => {
  const clock = new FakeClock();
  const passedOver = new PassedOver(clock);
  passedOver.note(lane(1, null).targetId, b.id);
  await clock.advance(PASSED_OVER_MS - 1);
  assert.deepEqual([passedOver.of(lane(1, null).targetId), passedOver.of(lane(2, null).targetId)], [b.id, null]);
  await clock.advance(1);
  assert.equal(passedOver.of(lane(1, null).targetId), null);
});
