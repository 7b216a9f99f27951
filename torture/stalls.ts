/**
 * The longest time in which a target was owed something and nothing came there. Owed is what should be on its way just now: from the
 * acknowledgement to the first request, and after a request that failed from the moment its retry is due at the latest. Pure.
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

/**
 * The longest stretch between `fromMs` and `toMs` without an arrival while something was owed.
 * @param arrivals rising
 */
export function longestStall(targetId: string, owed: readonly Owed[], arrivals: readonly number[], [fromMs, toMs]: readonly [number, number]): Stall {
  const begins = owed.map((span) => span.fromMs).sort((a, b) => a - b);
  const ends = owed.map((span) => span.untilMs).sort((a, b) => a - b);
  let longest: Stall = { ms: 0, targetId, fromMs };
  let [begun, ended] = [0, 0];
  const bounds = [fromMs, ...arrivals.filter((atMs) => atMs > fromMs && atMs < toMs), toMs];
  for (const [index, quietFromMs] of bounds.slice(0, -1).entries()) {
    const quietToMs = bounds[index + 1] ?? toMs;
    while ((begins[begun] ?? Infinity) <= quietFromMs) begun += 1;
    while ((ends[ended] ?? Infinity) <= quietFromMs) ended += 1;
    const owedFromMs = begun > ended ? quietFromMs : (begins[begun] ?? Infinity);
    if (quietToMs - owedFromMs > longest.ms) longest = { ms: quietToMs - owedFromMs, targetId, fromMs: owedFromMs };
  }
  return longest;
}

export const longerOf = (a: Stall | null, b: Stall): Stall => (a === null || b.ms > a.ms ? b : a);
