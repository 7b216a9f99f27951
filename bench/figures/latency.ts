/** Latencies as HDR histograms: three digits of precision at any size, and histograms of several runs add up without losing their tails. */
import { build, type Histogram } from 'hdr-histogram-js';

export type { Histogram };

/** Recorded in microseconds. */
const MICROSECONDS_IN_MS = 1_000;
/** An hour; what takes longer is recorded as that. */
const HIGHEST_US = 3_600_000_000;

export const PERCENTILES = [50, 90, 99, 99.9, 100] as const;

const emptyHistogram = (): Histogram => build({ bitBucketSize: 32, autoResize: false, lowestDiscernibleValue: 1, highestTrackableValue: HIGHEST_US, numberOfSignificantValueDigits: 3 });

/** Of every event that the test lets through; a moment that is not known is left out. */
export function latenciesOf(fromMs: Float64Array, toMs: Float64Array, counts: (index: number) => boolean = () => true): Histogram {
  const histogram = emptyHistogram();
  for (const [index, from] of fromMs.entries()) {
    const ms = (toMs[index] ?? NaN) - from;
    if (!Number.isNaN(ms) && counts(index)) histogram.recordValue(Math.min(HIGHEST_US, Math.max(0, Math.round(ms * MICROSECONDS_IN_MS))));
  }
  return histogram;
}

export function merged(histograms: readonly Histogram[]): Histogram {
  const all = emptyHistogram();
  for (const histogram of histograms) all.add(histogram);
  return all;
}

/** In milliseconds. */
export const percentileMs = (histogram: Histogram, percent: number): number => histogram.getValueAtPercentile(percent) / MICROSECONDS_IN_MS;
