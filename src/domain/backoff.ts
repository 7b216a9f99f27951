/**
 * When to try again: the retry schedule with its jitter, and what a receiver may ask for with Retry-After.
 *
 * The standard schedule (Standard Webhooks spec, "Retry schedule"): 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, which
 * is ten attempts over 75.6 hours.
 */
import type { RetryPolicy } from './target.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

export const STANDARD_SCHEDULE_MS: readonly number[] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map((s) => s * SECOND_MS);
export const JITTER = 0.2;
export const RETRY_AFTER_MAX_MS = 24 * HOUR_MS;
/** An overloaded receiver is left alone for at least this long. */
export const OVERLOAD_FLOOR_MS = 60 * SECOND_MS;

/** Attempts a delivery gets in all. */
export const attemptsAllowed = ({ scheduleMs, maxAttempts }: RetryPolicy): number => maxAttempts ?? scheduleMs.length + 1;

/**
 * Delay after attempt `number` (from 1), without jitter; null when that was the last one.
 */
export function scheduledDelayMs(policy: RetryPolicy, number: number): number | null {
  if (number >= attemptsAllowed(policy)) return null;
  return policy.scheduleMs[Math.min(number, policy.scheduleMs.length) - 1] ?? null;
}

/** Spreads a delay by ±20 %, so that deliveries which failed together do not come back together. `random` is in [0, 1). */
export const jittered = (delayMs: number, random: number): number => Math.round(delayMs * (1 - JITTER + 2 * JITTER * random));

const IMF_FIXDATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Retry-After in milliseconds from now, at most 24 h; null when absent, in the past or not in one of the two forms of
 * RFC 9110 section 10.2.3 (whole seconds, or an IMF-fixdate). `Date.parse` alone would read "120" as a year.
 */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const waitMs = /^\d{1,10}$/.test(header) ? Number(header) * SECOND_MS : IMF_FIXDATE.test(header) ? Date.parse(header) - nowMs : NaN;
  return waitMs > 0 ? Math.min(waitMs, RETRY_AFTER_MAX_MS) : null;
}
