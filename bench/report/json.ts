/** Everything that was measured, as one JSON text: histograms by their percentiles, the rest as it is. Pure. */
import { percentileMs, PERCENTILES, type Histogram } from '../figures/latency.ts';
import { mapValues } from '../figures/values.ts';
import type { Report } from './summary.ts';

const percentilesOf = (histogram: Histogram): Readonly<Record<string, number>> => ({
  count: histogram.totalCount, ...Object.fromEntries(PERCENTILES.map((percent) => [`p${percent}Ms`, percentileMs(histogram, percent)])),
});

export function jsonReport({ summaries, ...head }: Report): string {
  const workloads = summaries.map(({ workload: { code, name, summary }, variants, ratios, drift }) => ({
    code, name, summary, drift, ratios,
    variants: variants.map((variant) => ({
      name: variant.name, figures: variant.figures, latencies: mapValues(variant.latencies, percentilesOf),
      runs: variant.runs.map(({ pair, calibration, result: { latencies, ...result } }) => ({ pair, calibration, ...result, latencies: mapValues(latencies, percentilesOf) })),
    })),
  }));
  return JSON.stringify({ ...head, workloads }, null, 1);
}
