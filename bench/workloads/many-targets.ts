/** W6: a thousand targets, a few of them much busier than the rest, against ten of the same kind. */
import { buildHooktail } from '../rigs/hooktail.ts';
import { targetsOf, type BenchTarget } from '../rigs/rig.ts';
import type { RunResult } from '../figures/result.ts';
import { runPeak } from './peak.ts';
import type { Conditions, Workload } from './workload.ts';

const MANY = 1_000;
const FEW = 10;
const CONCURRENCY = 20;
/** Of all but the busiest, which get more than one Bottleneck limiter passes. */
const RATE = 300;

/** Every target has a limit; the busiest ten only one of concurrency. */
const limited = (count: number): readonly BenchTarget[] =>
  targetsOf(count).map((target) => ({ ...target, limits: { ratePerSecond: target.number < FEW ? 0 : RATE, concurrency: CONCURRENCY } }));

const run = (count: number, conditions: Conditions): Promise<RunResult> => runPeak(buildHooktail, conditions, { setup: { targets: limited(count) }, share: 'zipf' });

export const manyTargets: Workload = {
  code: 'W6',
  name: 'many-targets',
  summary: `${MANY} targets by Zipf 1.1, ${CONCURRENCY} at once each and ${RATE}/s for all but the busiest ${FEW}, against ${FEW}`,
  variants: [MANY, FEW].map((count) => ({ name: `${count} targets`, run: (conditions) => run(count, conditions) })),
  ratios: (['deliveredPerSecond', 'cpuPerThousand'] as const).map((figure) => ({ figure, of: `${MANY} targets`, to: `${FEW} targets` })),
  pairs: 3,
};
