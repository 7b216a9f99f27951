/**
 * What is known of a target's health, and what a result makes of it: its breaker, and since when nothing has worked. Values and
 * pure steps; a step that changes nothing answers the very value it was given, so the usual success costs nothing.
 *
 *   closed ── 70 % of at least 10 results within 60 s failed ──▶ open ── its time is over ──▶ half-open: one probe
 *     ▲                                                           ▲                              │
 *     │ as many at once as the target may have                    └────── the probe failed ──────┤
 *   recovering: one at a time, twice as many after each success ◀────── the receiver answered ───┘
 *
 *   open for   30 s   1 min   2 min   4 min   8 min   15 min   15 min …   from 30 s again once it was closed
 *
 * Half-open is an open breaker past its time: nothing is written for it, and whoever takes the lane over finds it so. `off` is
 * a target that a person paused, or that is disabled; switched on again it begins as recovering, with nothing held against it.
 */
import { assertNever } from './assert-never.ts';
import type { Outcome } from './attempt.ts';
import { isSuccess } from './attempt.ts';

export type BreakerState =
  | { readonly kind: 'closed' }
  /** `untilMs`: unix milliseconds on the server's clock. `openings`: how often in a row, from 1. */
  | { readonly kind: 'open'; readonly untilMs: number; readonly openings: number }
  /** `places`: attempts at once. */
  | { readonly kind: 'recovering'; readonly places: number; readonly openings: number }
  | { readonly kind: 'off'; readonly why: 'paused' | 'disabled' };

export interface Health {
  readonly breaker: BreakerState;
  /** The first failure after a success, in unix milliseconds on the server's clock; null while things work. */
  readonly failingSinceMs: number | null;
  /** Failures since then, counted no further than matters. */
  readonly failures: number;
  /** How often the breaker has opened on a target that was well: names each of these times. */
  readonly spells: number;
}

const HOUR_MS = 3_600_000;
export const OPEN_MS = 30_000;
export const LONGEST_OPEN_MS = 900_000;
/** A slow start ends here for a target without a limit of its own. */
export const FULL_PLACES = 64;
/** A target that fails for so long, and so often, is disabled. */
export const HOPELESS_AFTER_MS = 120 * HOUR_MS;
export const HOPELESS_FAILURES = 20;

export const WELL: Health = { breaker: { kind: 'closed' }, failingSinceMs: null, failures: 0, spells: 0 };

/**
 * `answered`: the receiver is up and said something else than 2xx. `unsent`: our guard let nothing out, which says nothing of
 * the receiver, yet nothing reaches it either.
 */
export type Result = 'success' | 'answered' | 'failure' | 'unsent';

/** Null: we cut it ourselves. */
export function resultOf(outcome: Outcome): Result | null {
  switch (outcome.kind) {
    case 'answered':
      return isSuccess(outcome) ? 'success' : outcome.status >= 500 || outcome.status === 429 ? 'failure' : 'answered';
    case 'timeout':
    case 'network':
      return 'failure';
    case 'blocked':
      return 'unsent';
    case 'cut':
      return null;
    default:
      return assertNever(outcome);
  }
}

export interface Seen {
  readonly result: Result;
  readonly isProbe: boolean;
  /** What the last minute came to, this result included. */
  readonly isBad: boolean;
  /** Unix milliseconds on the server's clock. */
  readonly nowMs: number;
  /** Attempts at once that the target may have; 0 for any number. */
  readonly concurrency: number;
}

/** Whether a success changes nothing of this: asked before anything is made. */
export const isWell = ({ breaker, failingSinceMs }: Health): boolean => breaker.kind === 'closed' && failingSinceMs === null;

export function afterResult(health: Health, seen: Seen): Health {
  if (health.breaker.kind === 'off' || (isWell(health) && seen.result === 'success')) return health;
  const counted = countFailure(health, seen);
  const breaker = nextState(health.breaker, seen);
  if (breaker === health.breaker) return counted;
  const isNewSpell = breaker.kind === 'open' && health.breaker.kind !== 'open';
  return { ...counted, breaker, spells: counted.spells + (isNewSpell ? 1 : 0) };
}

/** Everything but a success is a failure here: a receiver that answers 404 to everything takes nothing either. */
function countFailure(health: Health, { result, nowMs }: Seen): Health {
  if (result === 'success') return health.failingSinceMs === null ? health : { ...health, failingSinceMs: null, failures: 0 };
  if (health.failingSinceMs === null) return { ...health, failingSinceMs: nowMs, failures: 1 };
  return health.failures >= HOPELESS_FAILURES ? health : { ...health, failures: health.failures + 1 };
}

function nextState(state: BreakerState, seen: Seen): BreakerState {
  switch (state.kind) {
    case 'closed':
      return opens(seen) ? openFrom(0, seen.nowMs) : state;
    case 'open':
      return seen.isProbe ? afterProbe(state, seen) : state; // Begun before it opened: what it says was known then.
    case 'recovering':
      return opens(seen) ? openFrom(state.openings, seen.nowMs) : afterStep(state, seen);
    case 'off':
      return state;
    default:
      return assertNever(state);
  }
}

/** A success never opens it, however bad the minute was. */
const opens = ({ result, isBad }: Seen): boolean => isBad && result === 'failure';

const openFrom = (openings: number, nowMs: number): BreakerState => ({ kind: 'open', untilMs: nowMs + openMsOf(openings + 1), openings: openings + 1 });

/** How long it stays open the first, second, … time in a row. */
export const openMsOf = (openings: number): number => Math.min(OPEN_MS * 2 ** Math.min(openings - 1, 10), LONGEST_OPEN_MS);

const isFine = (result: Result): boolean => result === 'success' || result === 'answered';

function afterProbe({ openings }: Extract<BreakerState, { kind: 'open' }>, { result, nowMs, concurrency }: Seen): BreakerState {
  return isFine(result) ? recovering(1, openings, concurrency) : openFrom(openings, nowMs);
}

function afterStep(state: Extract<BreakerState, { kind: 'recovering' }>, { result, concurrency }: Seen): BreakerState {
  if (isFine(result)) return recovering(2 * state.places, state.openings, concurrency);
  return result === 'failure' && state.places > 1 ? { ...state, places: Math.floor(state.places / 2) } : state;
}

function recovering(places: number, openings: number, concurrency: number): BreakerState {
  return places >= (concurrency === 0 ? FULL_PLACES : concurrency) ? { kind: 'closed' } : { kind: 'recovering', places, openings };
}

/** A person paused the target, or it was disabled: nothing is held against it from here on. */
export const switchedOff = ({ spells }: Health, why: 'paused' | 'disabled'): Health => ({ breaker: { kind: 'off', why }, failingSinceMs: null, failures: 0, spells });

export const switchedOn = ({ spells }: Health): Health => ({ breaker: { kind: 'recovering', places: 1, openings: 0 }, failingSinceMs: null, failures: 0, spells });

/** Whether it has failed for so long, and so often, that it is disabled. */
export const isHopeless = ({ failingSinceMs, failures }: Health, nowMs: number): boolean =>
  failingSinceMs !== null && failures >= HOPELESS_FAILURES && nowMs - failingSinceMs >= HOPELESS_AFTER_MS;

/** How stale the stored failures may be: a target that works every other time costs two writes a minute, not one each time. */
export const RECORD_AFTER_MS = 60_000;

/**
 * Whether what is stored must be brought up to what is known: at each change of the breaker and at the success that ends a
 * failing, at once; of a failing that goes on, once a minute until it has been counted as often as matters.
 */
export function isWorthStoring(stored: Health, known: Health, { sinceStoredMs, nowMs }: { readonly sinceStoredMs: number; readonly nowMs: number }): boolean {
  if (!isSameState(stored.breaker, known.breaker)) return true;
  if (known.failingSinceMs === null) return stored.failingSinceMs !== null;
  const isNews = stored.failingSinceMs !== known.failingSinceMs || stored.failures !== known.failures;
  return isNews && sinceStoredMs >= RECORD_AFTER_MS && nowMs - known.failingSinceMs >= RECORD_AFTER_MS;
}

/** How far a slow start has come is not stored: a new owner begins it again. */
function isSameState(a: BreakerState, b: BreakerState): boolean {
  if (a.kind === 'open' && b.kind === 'open') return a.untilMs === b.untilMs;
  if (a.kind === 'off' && b.kind === 'off') return a.why === b.why;
  return a.kind === b.kind;
}
