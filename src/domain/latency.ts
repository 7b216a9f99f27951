/**
 * How long attempts took, as counts in a few fixed classes: they add up over hours and processors, which medians do not. A
 * quantile read from them lies within its class, so it is told as a place in it.
 */

/** The most milliseconds of each class; a last one holds what took longer. */
export const LATENCY_BOUNDS_MS = [5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000] as const;
export const LATENCY_CLASSES = LATENCY_BOUNDS_MS.length + 1;

export function latencyClassOf(ms: number): number {
  const index = LATENCY_BOUNDS_MS.findIndex((bound) => ms <= bound);
  return index === -1 ? LATENCY_BOUNDS_MS.length : index;
}

/** The value below which a share of all lies, in milliseconds; null when there are none. Beyond the last bound it is that bound. */
export function latencyQuantile(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && below + count >= share * total) return placeIn(index, (share * total - below) / count);
    below += count;
  }
  return placeIn(counts.length - 1, 1);
}

/** As if those of a class lay evenly between its bounds. */
function placeIn(index: number, part: number): number {
  const from = index === 0 ? 0 : (LATENCY_BOUNDS_MS[index - 1] ?? 0);
  const to = LATENCY_BOUNDS_MS[index] ?? from;
  return Math.round((from + (to - from) * Math.max(0, part)) * 10) / 10;
}
