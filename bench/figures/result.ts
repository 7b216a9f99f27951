/** What one run came to: figures, latencies, what happened over time, and what it cost. */
import type { Measured } from '../lab/lab.ts';
import type { DatabaseCounts } from './database-counts.ts';
import type { Figures } from './figures.ts';
import { latenciesOf, percentileMs, type Histogram } from './latency.ts';
import { perSecond } from './passage.ts';
import { seriesOf, type Series } from './series.ts';
import { mapValues, sum } from './values.ts';

export interface RunResult {
  readonly events: number;
  readonly figures: Figures;
  readonly latencies: Readonly<Record<string, Histogram>>;
  readonly series: readonly Series[];
  /** Process → processor seconds for a thousand events. */
  readonly cpuPerThousand: Readonly<Record<string, number>>;
  readonly peakRssMiB: Readonly<Record<string, number>>;
  readonly counts: DatabaseCounts | null;
}

export interface ResultOptions {
  /** Which types the latencies are about. */
  readonly types?: (type: number) => boolean;
}

/** The figures that every load has. */
export function resultOf({ passage, cpuSeconds, peakRssMiB, counts }: Measured, { types = () => true }: ResultOptions = {}): RunResult {
  const { events, intendedAtMs, ackedAtMs, deliveredAtMs } = passage;
  const isCounted = (index: number): boolean => types(passage.types[index] ?? 0);
  const acknowledged = latenciesOf(intendedAtMs, ackedAtMs, isCounted);
  const endToEnd = latenciesOf(intendedAtMs, deliveredAtMs, isCounted);
  const cpuPerThousand = mapValues(cpuSeconds, (seconds) => (seconds / events) * 1_000);
  return {
    events,
    figures: {
      deliveredPerSecond: perSecond(passage, deliveredAtMs),
      acceptedPerSecond: perSecond(passage, ackedAtMs),
      cpuPerThousand: sum(Object.values(cpuPerThousand)) - (cpuPerThousand['generator'] ?? 0),
      ackP50Ms: percentileMs(acknowledged, 50),
      ackP99Ms: percentileMs(acknowledged, 99),
      endToEndP50Ms: percentileMs(endToEnd, 50),
      endToEndP99Ms: percentileMs(endToEnd, 99),
      endToEndP999Ms: percentileMs(endToEnd, 99.9),
      duplicates: passage.duplicates,
      connectionsPerThousand: (passage.connections / events) * 1_000,
    },
    latencies: { acknowledged, 'end to end': endToEnd },
    series: seriesOf(passage),
    cpuPerThousand, peakRssMiB, counts,
  };
}

/** The same run with more figures. */
export const withFigures = (result: RunResult, figures: Figures): RunResult => ({ ...result, figures: { ...result.figures, ...figures } });
