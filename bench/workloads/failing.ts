/** W5: one target in ten answers 503, again and again: what retries cost the rest, and how punctual they are. */
import type { Store } from '../../src/store/store.ts';
import { percentile } from '../../tools/cli/percentiles.ts';
import { resultOf, withFigures, type RunResult } from '../figures/result.ts';
import { Lab } from '../lab/lab.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { targetsOf, typesFor } from '../rigs/rig.ts';
import { capacityOf, SCHEDULE } from './steady.ts';
import { secondsOf, type Conditions, type Workload } from './workload.ts';

const TARGETS = targetsOf(10);
const TYPES = typesFor(TARGETS);
const FAILING = TARGETS.length - 1;
const SECONDS = 60;
const QUICK_SECONDS = 8;
const SHARE = 0.5;
const SETTLED_WITHIN_MS = 120_000;

function run(isFailing: boolean, conditions: Conditions): Promise<RunResult> {
  return Lab.open(buildHooktail, { targets: TARGETS }, conditions, async (lab) => {
    const rate = SHARE * (await capacityOf(lab, conditions, TYPES));
    if (isFailing) await lab.behave({ [FAILING]: { kind: 'answer', status: 503, afterMs: 0 } });
    const pace = { kind: 'open', perSecond: rate, seconds: secondsOf(conditions, SECONDS, QUICK_SECONDS), schedule: SCHEDULE } as const;
    const measured = await lab.measure({ name: 'load', types: TYPES, pace }, { excused: (type) => isFailing && type === FAILING });
    await lab.behave({});
    await lab.rig.untilSettled(SETTLED_WITHIN_MS);
    await lab.proveStored();
    const { requests, events } = measured.passage;
    const late = await latenessOf(lab.rig.store);
    return withFigures(resultOf(measured, { types: (type) => type !== FAILING }), { requestsPerEvent: requests / events, ...(isFailing ? { retryLateP50Ms: percentile(late, 50), retryLateP99Ms: percentile(late, 99) } : {}) });
  });
}

/** From when each retry's timer was due to when it was fired, both by the server's clock; rising. */
async function latenessOf({ schedule }: Store): Promise<readonly number[]> {
  const fired = await schedule.find({ state: 'due' }, { projection: { dueAt: 1, firedAt: 1 } }).toArray();
  return fired.map(({ dueAt, firedAt }) => (firedAt?.getTime() ?? Infinity) - dueAt.getTime()).sort((a, b) => a - b);
}

const [WITH, WITHOUT] = ['one in ten answers 503', 'all answer 200'];

export const failing: Workload = {
  code: 'W5',
  name: 'failing',
  summary: `${TARGETS.length} targets at half load, one of which answers 503 until the end, with retries after 1, 2, 4 and 8 s`,
  variants: [{ name: WITH, run: (conditions) => run(true, conditions) }, { name: WITHOUT, run: (conditions) => run(false, conditions) }],
  ratios: [{ figure: 'endToEndP99Ms', of: WITH, to: WITHOUT }, { figure: 'cpuPerThousand', of: WITH, to: WITHOUT }],
  pairs: 3,
};
