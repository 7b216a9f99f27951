/**
 * The targets of a run, each with a temper: how its receiver behaves when nothing else is wrong. The event types decide who is
 * owed what, so a run has events of one target and of several.
 */
import type { TargetId } from '../src/domain/ids.ts';
import type { TargetLimits } from '../src/domain/target.ts';

/** Shares of requests, in [0, 1]. */
export interface Temper {
  /** Answered 500, or with `failsWith`. */
  readonly fails: number;
  readonly failsWith?: number;
  /** Cut off without an answer. */
  readonly resets: number;
  /** Answered after up to `slowMs`. */
  readonly slow: number;
  readonly slowMs: number;
  /** Of events, not of requests: answered 400 whenever they come, so their deliveries end as dead. */
  readonly refuses: number;
  /** Attempts after this one are answered 200, so that no retry schedule runs out. */
  readonly failsThrough: number;
}

export interface TargetPlan {
  readonly id: TargetId;
  /** One pattern, as `domain/target.ts` reads it. */
  readonly wants: string;
  readonly limits: TargetLimits;
  readonly temper: Temper;
}

const NO_LIMITS: TargetLimits = { ratePerSecond: 0, concurrency: 0 };
export const CALM: Temper = { fails: 0, resets: 0, slow: 0, slowMs: 0, refuses: 0, failsThrough: 3 };

/** Starts per second of the limited target, and what it is offered of them: less, so that it catches up. */
export const LIMITED_RATE = 3;
export const LIMITED_OFFERED = 1.5;

export const TARGETS = {
  /** Owed everything. */
  plain: { id: 'tgt_plain' as TargetId, wants: '*', limits: NO_LIMITS, temper: { ...CALM, fails: 0.02, slow: 0.02, slowMs: 300 } },
  orders: { id: 'tgt_orders' as TargetId, wants: 'order.*', limits: NO_LIMITS, temper: { ...CALM, fails: 0.005, slow: 0.1, slowMs: 1_500 } },
  flaky: { id: 'tgt_flaky' as TargetId, wants: 'flaky.*', limits: NO_LIMITS, temper: { ...CALM, fails: 0.2, resets: 0.15, slow: 0.1, slowMs: 500, refuses: 0.02 } },
  limited: { id: 'tgt_limited' as TargetId, wants: 'limited.*', limits: { ratePerSecond: LIMITED_RATE, concurrency: 5 }, temper: CALM },
} as const satisfies Readonly<Record<string, TargetPlan>>;

/** A target of its own, `tgt_<name>`, that wants `<name>.*` and answers everything at once. */
export const calmTarget = (name: string, limits: TargetLimits = NO_LIMITS): TargetPlan => ({ id: `tgt_${name}` as TargetId, wants: `${name}.*`, limits, temper: CALM });

/** Event types for those targets, an equal share each, by what is drawn in [0, 1). */
export const typeAmong = (names: readonly string[]) => (drawn: number): string => `${names[Math.floor(drawn * names.length)] ?? ''}.thing`;

export const ALL_TARGETS: readonly TargetPlan[] = Object.values(TARGETS);
export const UNLIMITED_TARGETS: readonly TargetPlan[] = [TARGETS.plain, TARGETS.orders, TARGETS.flaky];

/** Short at first, so that retries and their timers are many; long in all, so that no fault of ours uses it up. */
export const RETRY_SCHEDULE_MS: readonly number[] = [300, 1_000, 2_000, ...Array.from({ length: 36 }, () => 5_000)];
/** Longer than any answer of a receiver that is alive. */
export const ATTEMPT_TIMEOUT_MS = 10_000;

/** Event types and their shares, by what is drawn in [0, 1). `rate`: events per second in all. */
export function typeOf(drawn: number, rate: number): string {
  const limited = Math.min(0.05, LIMITED_OFFERED / rate);
  if (drawn < limited) return 'limited.tick';
  if (drawn < limited + 0.1) return 'flaky.thing';
  return drawn < limited + 0.5 ? 'order.placed' : 'note.made';
}
