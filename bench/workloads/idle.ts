/** W10: nothing to do, for ten minutes: what it costs to wait. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sum } from '../figures/values.ts';
import type { RunResult } from '../figures/result.ts';
import { Lab } from '../lab/lab.ts';
import { cpuBetween } from '../lab/processes.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { targetsOf } from '../rigs/rig.ts';
import { secondsOf, SENDERS, type Conditions, type Workload } from './workload.ts';

const SECONDS = 600;
const QUICK_SECONDS = 20;
/** It has worked once, as any idle system has. */
const WARM_UP_EVENTS = 2_000;
const CALM_MS = 5_000;

function run(conditions: Conditions): Promise<RunResult> {
  return Lab.open(buildHooktail, { targets: targetsOf(10) }, conditions, async (lab) => {
    await lab.warmUp({ name: 'warm-up', pace: { kind: 'closed', senders: SENDERS, events: WARM_UP_EVENTS } });
    const seconds = secondsOf(conditions, SECONDS, QUICK_SECONDS);
    await sleep(CALM_MS, undefined, { signal: conditions.signal });
    const before = await lab.usage();
    await lab.rig.startCounts();
    await sleep(seconds * 1_000, undefined, { signal: conditions.signal });
    const counts = await lab.rig.stopCounts(seconds / 60);
    const after = await lab.usage();
    await lab.proveStored();
    const { server = 0, processor = 0, mongod = 0 } = cpuBetween(before, after);
    const figures = {
      idleCpuPercent: (sum([server, processor]) / seconds) * 100, idleMongodCpuPercent: (mongod / seconds) * 100,
      idleCommandsPerMinute: counts?.commandsPerEvent ?? NaN, idleOplogBytesPerMinute: counts?.oplogBytesPerEvent ?? NaN,
    };
    return { events: 0, figures, latencies: {}, series: [], cpuPerThousand: {}, peakRssMiB: Object.fromEntries(Object.entries(after).map(([name, usage]) => [name, usage.peakRssMiB])), counts: null };
  });
}

export const idle: Workload = {
  code: 'W10',
  name: 'idle',
  summary: `nothing to do for ${SECONDS / 60} minutes, with ten targets: CPU, commands and oplog`,
  variants: [{ name: 'hooktail', run }],
  ratios: [],
  pairs: 1,
};
