/** What a workload came to over all its runs: each figure's median with the least and the most, latencies added up, and ratios. Pure. */
import { ratioOf, type Ratio, type Run } from '../figures/compare.ts';
import { FIGURES, type FigureName } from '../figures/figures.ts';
import { merged, type Histogram } from '../figures/latency.ts';
import { median } from '../figures/values.ts';
import type { Machine } from '../machine.ts';
import type { Workload } from '../workloads/workload.ts';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface VariantSummary {
  readonly name: string;
  readonly runs: readonly Run[];
  readonly figures: Readonly<Partial<Record<FigureName, Spread>>>;
  /** Of all its runs together. */
  readonly latencies: Readonly<Record<string, Histogram>>;
}

export interface Summary {
  readonly workload: Workload;
  readonly runs: readonly Run[];
  readonly variants: readonly VariantSummary[];
  readonly ratios: readonly Ratio[];
  /** How far apart the machine itself was between the runs: the slowest to the fastest. */
  readonly drift: number;
}

export interface Report {
  readonly machine: Machine;
  readonly startedAt: string;
  readonly command: string;
  readonly summaries: readonly Summary[];
}

export const spreadOf = (values: readonly number[]): Spread => ({ median: median(values), min: Math.min(...values), max: Math.max(...values) });

export function summaryOf(workload: Workload, runs: readonly Run[]): Summary {
  const names = workload.variants.map(({ name }) => name).filter((name) => runs.some(({ variant }) => variant === name));
  const computing = runs.map(({ calibration }) => calibration.computeMs);
  return {
    workload, runs,
    variants: names.map((name) => variantOf(name, runs.filter(({ variant }) => variant === name))),
    ratios: workload.ratios.map((order) => ratioOf(runs, order)).filter((ratio) => ratio !== null),
    drift: Math.max(...computing) / Math.min(...computing),
  };
}

function variantOf(name: string, runs: readonly Run[]): VariantSummary {
  const figures = Object.keys(FIGURES).flatMap((key) => {
    const values = runs.map(({ result }) => result.figures[key as FigureName]).filter((value) => value !== undefined);
    return values.length === 0 ? [] : [[key, spreadOf(values)] as const];
  });
  const kinds = [...new Set(runs.flatMap(({ result }) => Object.keys(result.latencies)))];
  return {
    name, runs, figures: Object.fromEntries(figures),
    latencies: Object.fromEntries(kinds.map((kind) => [kind, merged(runs.flatMap(({ result }) => result.latencies[kind] ?? []))])),
  };
}
