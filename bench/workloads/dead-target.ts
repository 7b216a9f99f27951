/** W4: nine fast targets beside one that takes two seconds and one that never answers, at half load: the nine must not notice. */
import { resultOf, type RunResult } from '../figures/result.ts';
import { Lab } from '../lab/lab.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { targetsOf, typesFor } from '../rigs/rig.ts';
import { capacityOf, SCHEDULE } from './steady.ts';
import { secondsOf, type Conditions, type Workload } from './workload.ts';

const HEALTHY = 9;
const [SLOW, DEAD] = [HEALTHY, HEALTHY + 1];
const TARGETS = targetsOf(HEALTHY + 2, { ratePerSecond: 0, concurrency: 50 });
const TYPES = typesFor(TARGETS);
const SLOW_MS = 2_000;
const SECONDS = 60;
const QUICK_SECONDS = 8;
const SHARE = 0.5;
const SETTLED_WITHIN_MS = 300_000;

function run(isHurt: boolean, conditions: Conditions): Promise<RunResult> {
  return Lab.open(buildHooktail, { targets: TARGETS }, conditions, async (lab) => {
    const rate = SHARE * (await capacityOf(lab, conditions, TYPES));
    if (isHurt) await lab.behave({ [SLOW]: { kind: 'answer', status: 200, afterMs: SLOW_MS }, [DEAD]: { kind: 'hang' } });
    const pace = { kind: 'open', perSecond: rate, seconds: secondsOf(conditions, SECONDS, QUICK_SECONDS), schedule: SCHEDULE } as const;
    const measured = await lab.measure({ name: 'load', types: TYPES, pace }, { excused: (type) => type >= HEALTHY });
    await lab.behave({});
    await lab.rig.untilSettled(SETTLED_WITHIN_MS); // What the two were owed comes as well, later.
    await lab.proveStored();
    return resultOf(measured, { types: (type) => type < HEALTHY });
  });
}

const [BESIDE, WITHOUT] = ['beside a slow and a dead one', 'all healthy'];

export const deadTarget: Workload = {
  code: 'W4',
  name: 'dead-target',
  summary: `${HEALTHY} fast targets at half load, beside one that takes ${SLOW_MS / 1_000} s and one that never answers, against the same load with all of them well: latencies of the ${HEALTHY}`,
  variants: [{ name: BESIDE, run: (conditions) => run(true, conditions) }, { name: WITHOUT, run: (conditions) => run(false, conditions) }],
  ratios: [{ figure: 'endToEndP99Ms', of: BESIDE, to: WITHOUT }],
  pairs: 3,
};
