/** W12: one target without limits gets everything: a single lane must not be a bottleneck. */
import { withFigures, type RunResult } from '../figures/result.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { runPeak } from './peak.ts';
import type { Conditions, Workload } from './workload.ts';

/** Starts a second that one Bottleneck limiter lets through, whatever its settings (measured on two cores, Bottleneck 2.19.5). */
const ONE_LIMITER_PER_SECOND = 390;

async function run(conditions: Conditions): Promise<RunResult> {
  const result = await runPeak(buildHooktail, conditions);
  return withFigures(result, { timesOneLimiter: (result.figures.deliveredPerSecond ?? NaN) / ONE_LIMITER_PER_SECOND });
}

export const hotTarget: Workload = {
  code: 'W12',
  name: 'hot-target',
  summary: 'one target without limits gets everything, against what one Bottleneck limiter passes',
  variants: [{ name: 'hooktail', run }],
  ratios: [],
  pairs: 3,
};
