/** W2 as an open loop: the highest rate at which events still come in time and nothing piles up, found step by step. */
import { latenciesOf, percentileMs } from '../figures/latency.ts';
import { latest, type Passage } from '../figures/passage.ts';
import { resultOf, withFigures, type RunResult } from '../figures/result.ts';
import { Lab, type Measured } from '../lab/lab.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { targetsOf, typesFor } from '../rigs/rig.ts';
import { capacityOf, SCHEDULE } from './steady.ts';
import { secondsOf, type Conditions, type Workload } from './workload.ts';

const TARGETS = targetsOf(10);
const TYPES = typesFor(TARGETS);
const FROM = 0.5;
const STEP = 0.05;
const TO = 1.2;
const SECONDS = 15;
const QUICK_SECONDS = 3;
const MOST_P99_MS = 250;

/** In time, and done with soon after the last was sent. */
function isSustained({ intendedAtMs, deliveredAtMs }: Passage): boolean {
  return percentileMs(latenciesOf(intendedAtMs, deliveredAtMs), 99) < MOST_P99_MS && latest(deliveredAtMs) - latest(intendedAtMs) < MOST_P99_MS;
}

function runKnee(conditions: Conditions): Promise<RunResult> {
  return Lab.open(buildHooktail, { targets: TARGETS }, conditions, async (lab) => {
    const capacity = await capacityOf(lab, conditions, TYPES);
    let best: { readonly rate: number; readonly measured: Measured } | null = null;
    for (let share = FROM; share <= TO; share += STEP) {
      const rate = capacity * share;
      conditions.progress(`${rate.toFixed(0)} events/s`);
      const measured = await lab.measure({ name: `at-${share.toFixed(2)}`, types: TYPES, pace: { kind: 'open', perSecond: rate, seconds: secondsOf(conditions, SECONDS, QUICK_SECONDS), schedule: SCHEDULE } });
      if (!isSustained(measured.passage)) break;
      best = { rate, measured };
    }
    await lab.proveStored();
    if (best === null) throw new Error(`Expected ${(capacity * FROM).toFixed(0)} events/s, half of what it can do, to be sustained; they were not`);
    return withFigures(resultOf(best.measured), { kneePerSecond: best.rate });
  });
}

export const knee: Workload = {
  code: 'W2b',
  name: 'knee',
  summary: `open loop, faster by ${STEP * 100} % of what the system can do with each step: the highest rate with p99 below ${MOST_P99_MS} ms and nothing piling up`,
  variants: [{ name: 'hooktail', run: runKnee }],
  ratios: [],
  pairs: 1,
};
