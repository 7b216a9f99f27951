/**
 * The longest time in which a target was owed something and nothing came there. Owed is what should be on its way just now: from the
 * acknowledgement to the first request, and after a request that failed from the moment its retry is due at the latest; nothing while
 * the target's breaker is open. Pure.
 */
import { JITTER } from '../src/domain/backoff.ts';
import type { Answer, Received } from './ledger.ts';

export interface Stall {
  readonly ms: number;
  readonly targetId: string;
  readonly fromMs: number;
}

/** From when a delivery is owed; until its request came, or Infinity. */
export interface Owed {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Added to a retry's due time: two quick retries may come before it, and a scheduler fires it in pages. */
const RETRY_SLACK_MS = 1_000;

/** What one delivery was owed over time. `requests`: all of it, in order. */
export function owedSpans(acceptedAtMs: number, requests: readonly Received[], retryScheduleMs: readonly number[]): readonly Owed[] {
  const spans: Owed[] = [{ fromMs: acceptedAtMs, untilMs: requests[0]?.atMs ?? Infinity }];
  for (const [index, { answer, answeredAtMs, attempt }] of requests.entries()) {
    if (isLast(answer)) break;
    const delayMs = answer === 'gone' || answer === null ? 0 : (retryScheduleMs[attempt - 1] ?? 0) * (1 + JITTER) + RETRY_SLACK_MS;
    spans.push({ fromMs: (answeredAtMs ?? Infinity) + delayMs, untilMs: requests[index + 1]?.atMs ?? Infinity });
  }
  return spans.filter(({ fromMs, untilMs }) => fromMs < untilMs);
}

/** After a 2xx nothing is owed; after a 4xx whether more comes is the schedule's affair, and nobody waits for it. */
const isLast = (answer: Answer): boolean => typeof answer === 'number' && answer < 500;

/** A time in which a target's breaker was open: nothing is on its way then, by design. */
export interface Rest {
  readonly targetId: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What is left of the spans outside the target's rests. */
export function outsideRests(spans: readonly Owed[], rests: readonly Rest[]): readonly Owed[] {
  return rests.reduce<readonly Owed[]>((left, rest) => left.flatMap((span) => cut(span, rest)), spans);
}

function cut({ fromMs, untilMs }: Owed, rest: Rest): readonly Owed[] {
  const parts = [{ fromMs, untilMs: Math.min(untilMs, rest.fromMs) }, { fromMs: Math.max(fromMs, rest.untilMs), untilMs }];
  return parts.filter((part) => part.fromMs < part.untilMs);
}

/** How much of one span lies outside the rests. */
export const lengthOutside = (span: Owed, rests: readonly Rest[]): number => outsideRests([span], rests).reduce((sum, { fromMs, untilMs }) => sum + untilMs - fromMs, 0);

/** The longest stretch between `fromMs` and `toMs` in which something was owed all the time and nothing came. */
export function longestStall(targetId: string, owed: readonly Owed[], arrivals: readonly number[], [fromMs, toMs]: readonly [number, number]): Stall {
  let longest: Stall = { ms: 0, targetId, fromMs };
  let [open, sinceMs] = [0, fromMs];
  for (const { atMs, change } of [...marksOf(owed, arrivals), { atMs: toMs, change: 0 }]) {
    if (atMs > toMs) continue;
    if (open > 0 && atMs - Math.max(sinceMs, fromMs) > longest.ms) longest = { ms: atMs - Math.max(sinceMs, fromMs), targetId, fromMs: Math.max(sinceMs, fromMs) };
    open += change;
    if (change === 0 || open === 0 || (open === 1 && change === 1)) sinceMs = atMs;
  }
  return longest;
}

/** What begins to be owed, what ends, and what came, in order. */
function marksOf(owed: readonly Owed[], arrivals: readonly number[]): readonly { readonly atMs: number; readonly change: number }[] {
  const marks = [
    ...owed.map((span) => ({ atMs: span.fromMs, change: 1 })),
    ...owed.map((span) => ({ atMs: span.untilMs, change: -1 })),
    ...arrivals.map((atMs) => ({ atMs, change: 0 })),
  ];
  return marks.sort((a, b) => a.atMs - b.atMs || b.change - a.change);
}

export const longerOf = (a: Stall | null, b: Stall): Stall => (a === null || b.ms > a.ms ? b : a);
