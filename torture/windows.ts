/**
 * Whether a limited receiver ever saw more requests in a second than its limit, measured where it counts: at the receiver. What
 * the processor starts 1.02 s apart may arrive closer, since the way between takes now more and now less time. Pure.
 */

/** What the way from a start to the receiver's clock may differ by on an idle machine. */
export const TOLERANCE_MS = 60;
const WINDOW_MS = 1_000;

export interface Tightest {
  /** Least time from a request to the one that is `rate` later; Infinity when so many did not come. */
  readonly ms: number;
  readonly atMs: number;
}

/** @param arrivals rising. @param excusedMs moments of SIGCONT: a request begun before a SIGSTOP leaves only then */
export function tightestWindow(arrivals: readonly number[], rate: number, excusedMs: readonly number[] = []): Tightest {
  let tightest: Tightest = { ms: Infinity, atMs: 0 };
  for (const [index, atMs] of arrivals.entries()) {
    const firstMs = arrivals[index - rate];
    if (firstMs === undefined || excusedMs.some((momentMs) => momentMs >= firstMs - WINDOW_MS && momentMs <= atMs)) continue;
    if (atMs - firstMs < tightest.ms) tightest = { ms: atMs - firstMs, atMs };
  }
  return tightest;
}

/**
 * On a busy machine both ends of the way wait for a processor core.
 * @param lateMs how late this machine ran timers of its own, all but the latest thousandth
 */
export const toleranceMs = (lateMs: number): number => Math.max(TOLERANCE_MS, 2 * lateMs);

export const isTooTight = ({ ms }: Tightest, lateMs = 0): boolean => ms < WINDOW_MS - toleranceMs(lateMs);
