/** W11: the processor is killed every five seconds at half load: nothing is lost, and little is repeated. */
import { setTimeout as sleep } from 'node:timers/promises';
import { passageOf } from '../figures/passage.ts';
import { resultOf, withFigures, type RunResult } from '../figures/result.ts';
import { Lab } from '../lab/lab.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { targetsOf, typesFor } from '../rigs/rig.ts';
import { capacityOf, SCHEDULE } from './steady.ts';
import { secondsOf, type Conditions, type Workload } from './workload.ts';

const TARGETS = targetsOf(10);
const SHARE = 0.5;
const SECONDS = 60;
const QUICK_SECONDS = 12;
const KILL_EVERY_MS = 5_000;
/** GLOBAL_CONCURRENCY as it is by default: what one crash may repeat. */
const SLOTS = 300;

function run(conditions: Conditions): Promise<RunResult> {
  return Lab.open(buildHooktail, { targets: TARGETS }, conditions, async (lab) => {
    const rate = SHARE * (await capacityOf(lab, conditions, typesFor(TARGETS)));
    const seconds = secondsOf(conditions, SECONDS, QUICK_SECONDS);
    const before = await lab.usage();
    const sent = lab.send({ name: 'load', types: typesFor(TARGETS), pace: { kind: 'open', perSecond: rate, seconds, schedule: SCHEDULE } });
    let kills = 0;
    for (; (kills + 1) * KILL_EVERY_MS < seconds * 1_000; kills += 1) {
      await sleep(KILL_EVERY_MS, undefined, { signal: conditions.signal });
      await lab.rig.endProcessor('SIGKILL');
      await lab.rig.startProcessor();
    }
    const load = await sent;
    const arrivals = await lab.arrivals(load.ids.length);
    await lab.rig.settle();
    await lab.rig.startCounts();
    // What the killed ones have used went with them.
    const { figures: { cpuPerThousand: _partly, ...figures }, ...result } = resultOf(await lab.measured(passageOf(load, arrivals), before));
    await lab.proveStored();
    return withFigures({ ...result, figures, cpuPerThousand: {}, counts: null }, { offeredPerSecond: rate, kills, allowedDuplicates: kills * SLOTS, lost: 0 });
  });
}

export const crash: Workload = {
  code: 'W11',
  name: 'crash',
  summary: `SIGKILL of the only processor every ${KILL_EVERY_MS / 1_000} s at half load, started again at once`,
  variants: [{ name: 'hooktail', run }],
  ratios: [],
  pairs: 1,
};
