/** How the variants of a workload compare: for each pair of runs a ratio, and of those the median with the least and the most. Pure. */
import type { Calibration } from '../machine.ts';
import type { FigureName } from './figures.ts';
import type { RunResult } from './result.ts';
import { median } from './values.ts';

/** One run as it was made. */
export interface Run {
  readonly variant: string;
  /** From 0; the runs of one pair were made right after each other. */
  readonly pair: number;
  /** Just before it. */
  readonly calibration: Calibration;
  readonly result: RunResult;
}

export interface RatioOrder {
  readonly figure: FigureName;
  readonly of: string;
  readonly to: string;
}

export interface Ratio extends RatioOrder {
  readonly pairs: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Null when no pair has both. */
export function ratioOf(runs: readonly Run[], order: RatioOrder): Ratio | null {
  const { figure, of, to } = order;
  const valueOf = (variant: string, pair: number): number | undefined => runs.find((run) => run.variant === variant && run.pair === pair)?.result.figures[figure];
  const pairs = [...new Set(runs.map(({ pair }) => pair))];
  const ratios = pairs.flatMap((pair) => {
    const [above, below] = [valueOf(of, pair), valueOf(to, pair)];
    return above === undefined || below === undefined || below === 0 ? [] : [above / below];
  });
  return ratios.length === 0 ? null : { ...order, pairs: ratios.length, median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}
