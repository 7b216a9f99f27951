/**
 * A lane and its surroundings, for both kinds: limited (Bottleneck, which knows real time only, so small figures and the
 * monotonic clock) and unlimited (on the fake clock). All its parts are the real ones; only the delivering is scripted.
 */
import assert from 'node:assert/strict';
import type { DeliveryJob } from '../../src/domain/delivery.ts';
import type { DeliveryId } from '../../src/domain/ids.ts';
import type { TargetLimits } from '../../src/domain/target.ts';
import { allowanceOf, MemoryBudget } from '../../src/delivery/budget.ts';
import { Gate } from '../../src/delivery/gate.ts';
import { Lane, LaneDrained } from '../../src/delivery/lane.ts';
import { createPacer } from '../../src/delivery/limited-pacer.ts';
import { paceOf } from '../../src/delivery/pacer.ts';
import { Slots } from '../../src/delivery/slots.ts';
import { Spacing } from '../../src/delivery/spacing.ts';
import { systemClock, type Clock } from '../../src/runtime/clock.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { jobOf, range, TARGET_ID } from './delivery-parts.ts';

/** A lane's surroundings: its time, and how a test lets it pass. */
export interface Time {
  readonly clock: Clock;
  /** Lets so much time go by. */
  readonly pass: (ms: number) => Promise<void>;
  /** Goes on until that many things are in the list. */
  readonly untilLength: (list: ArrayLike<unknown>, length: number) => Promise<void>;
}

export interface Kind {
  readonly name: string;
  readonly ratePerSecond: number;
  readonly time: () => Time;
}

const reached = (list: ArrayLike<unknown>, length: number): void => assert.ok(list.length >= length, `expected ${length}, got ${list.length}`);

function realTime(): Time {
  return {
    clock: systemClock,
    pass: async (ms) => {
      await systemClock.sleep(ms);
      await settled();
    },
    untilLength: (list, length) => eventually(() => reached(list, length), { everyMs: 3, timeoutMs: 5_000 }),
  };
}

function fakeTime(): Time {
  const clock = new FakeClock();
  return {
    clock,
    pass: (ms) => clock.advance(ms),
    untilLength: async (list, length) => {
      for (let turn = 0; turn < 100 && list.length < length; turn += 1) await clock.advance(1);
      reached(list, length);
    },
  };
}

export const LIMITED: Kind = { name: 'limited', ratePerSecond: 50, time: realTime };
/** Too fast for a limiter to be worth it: the look before each start paces it alone. */
export const FAST: Kind = { name: 'limited to many a second', ratePerSecond: 200, time: fakeTime };
export const UNLIMITED: Kind = { name: 'unlimited', ratePerSecond: 0, time: fakeTime };

export interface Options {
  readonly concurrency?: number;
  readonly slots?: Slots;
  /** Whether an attempt ends by itself; else the test ends each with `finish`. */
  readonly endless?: boolean;
  /** Attempts that a job makes, the later ones in urgent turns. */
  readonly tries?: number;
  readonly next?: 'forget' | 'marking';
  /** Instead of the kind's own. */
  readonly clock?: Clock;
}

export interface World extends Time {
  readonly lane: Lane;
  readonly slots: Slots;
  readonly limits: TargetLimits;
  readonly starts: { readonly id: DeliveryId; readonly isProbe: boolean; readonly atMs: number }[];
  readonly dropped: DeliveryId[];
  readonly forgotten: DeliveryId[];
  readonly rooms: number[];
  readonly may: { isTrusted: boolean; isActive: boolean };
  readonly running: () => number;
  readonly mostAtOnce: () => number;
  /** Ends the oldest attempt under way. */
  readonly finish: () => void;
  readonly offer: (...numbers: readonly number[]) => readonly string[];
}

export function world({ ratePerSecond, time }: Kind, { concurrency = 2, slots = new Slots(100), endless = false, tries = 1, next = 'forget', clock: ownClock }: Options = {}): World {
  const { clock: kindsClock, ...passing } = time();
  const clock = ownClock ?? kindsClock;
  const limits: TargetLimits = { ratePerSecond, concurrency };
  const may = { isTrusted: true, isActive: true };
  const [starts, dropped, forgotten, rooms]: [World['starts'], DeliveryId[], DeliveryId[], number[]] = [[], [], [], []];
  const underWay: (() => void)[] = [];
  let most = 0;

  async function tryOnce({ claim }: DeliveryJob, lane: Lane, urgent: boolean): Promise<void> {
    const turn = await lane.takeTurn({ isUrgent: urgent, isRetry: claim.attemptCount > 0 });
    starts.push({ id: claim.id, isProbe: turn.isProbe, atMs: clock.monotonic() });
    const ended = new Promise<void>((resolve) => underWay.push(resolve));
    most = Math.max(most, underWay.length);
    if (endless) await ended;
    else underWay.pop();
    turn.leaveLane();
    turn.giveSlotBack();
  }

  async function deliver(job: DeliveryJob, lane: Lane): Promise<'forget' | 'marking'> {
    try {
      for (const index of range(tries)) await tryOnce(job, lane, index > 0);
      return next;
    } catch (error) {
      assert.ok(error instanceof LaneDrained);
      dropped.push(job.claim.id);
      return 'forget';
    }
  }

  const lane = new Lane(TARGET_ID, {
    slots, deliver,
    gate: new Gate({ clock, isTrusted: () => may.isTrusted, isActive: () => may.isActive }),
    pacer: createPacer(limits),
    spacing: new Spacing(clock, paceOf(limits)),
    // Ten ids for the limited kind, a share of twenty for the other: small enough to fill.
    allowance: allowanceOf({ ...limits, ratePerSecond: Math.min(ratePerSecond, 2) }, new MemoryBudget(20 * 1_024)),
    onForgotten: (id) => forgotten.push(id),
    onRoom: () => rooms.push(clock.monotonic()),
    onPoke: () => undefined,
  });
  return {
    ...passing, clock, lane, slots, limits, starts, dropped, forgotten, rooms, may,
    running: () => underWay.length,
    mostAtOnce: () => most,
    finish: () => underWay.shift()?.(),
    offer: (...numbers) => numbers.map((number) => lane.offer(jobOf(number))),
  };
}
