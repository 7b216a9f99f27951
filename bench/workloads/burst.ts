/** W3: so many events as fast as they are taken in, which is faster than they can be sent: what waits must not slow down what runs. */
import { latest, earliest } from '../figures/passage.ts';
import { resultOf, withFigures, type RunResult } from '../figures/result.ts';
import { Lab } from '../lab/lab.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { PLAIN_SETUP } from '../rigs/rig.ts';
import { runPeak } from './peak.ts';
import { countOf, SENDERS, type Conditions, type Workload } from './workload.ts';

const LARGE = 100_000;
const SMALL = 10_000;
const QUICK_EVENTS = 8_000;
const BURST_SENDERS = 512;
const WARM_UP_EVENTS = 4_000;

function runBurst(usual: number, conditions: Conditions): Promise<RunResult> {
  return Lab.open(buildHooktail, PLAIN_SETUP, conditions, async (lab) => {
    await lab.warmUp({ name: 'warm-up', pace: { kind: 'closed', senders: SENDERS, events: WARM_UP_EVENTS } });
    const measured = await lab.measure({ name: 'burst', pace: { kind: 'closed', senders: conditions.senders ?? BURST_SENDERS, events: countOf(conditions, usual, QUICK_EVENTS) } });
    await lab.proveStored();
    const { intendedAtMs, deliveredAtMs } = measured.passage;
    return withFigures(resultOf(measured), { secondsToLast: (latest(deliveredAtMs) - earliest(intendedAtMs)) / 1_000 });
  });
}

const variants = [LARGE, SMALL].map((events) => ({ name: `burst of ${events}`, run: (conditions: Conditions) => runBurst(events, conditions) }));

export const burst: Workload = {
  code: 'W3',
  name: 'burst',
  summary: `${SMALL} and ${LARGE} events as fast as they are accepted, against the steady peak`,
  variants: [...variants, { name: 'peak', run: (conditions) => runPeak(buildHooktail, conditions) }],
  ratios: variants.map(({ name }) => ({ figure: 'deliveredPerSecond', of: name, to: 'peak' })),
  pairs: 3,
};
