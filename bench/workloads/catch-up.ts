/** W7: the processor is down while events come in; it is started again, and live events come in meanwhile. */
import { latenciesOf, percentileMs } from '../figures/latency.ts';
import { earliest, latest, passageOf } from '../figures/passage.ts';
import { resultOf, withFigures, type RunResult } from '../figures/result.ts';
import { Lab } from '../lab/lab.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { PLAIN_SETUP } from '../rigs/rig.ts';
import { runPeak } from './peak.ts';
import { countOf, SENDERS, type Conditions, type Workload } from './workload.ts';

const EVENTS = 100_000;
const QUICK_EVENTS = 8_000;
const WARM_UP_EVENTS = 4_000;
/** Live events beside: few, so that what is measured is the catching up. */
const LIVE = { kind: 'open', perSecond: 20, seconds: 10, schedule: 'fixed' } as const;

function run(conditions: Conditions): Promise<RunResult> {
  return Lab.open(buildHooktail, PLAIN_SETUP, conditions, async (lab) => {
    await lab.warmUp({ name: 'warm-up', pace: { kind: 'closed', senders: SENDERS, events: WARM_UP_EVENTS } });
    await lab.rig.endProcessor();
    const missed = await lab.send({ name: 'missed', pace: { kind: 'closed', senders: SENDERS, events: countOf(conditions, EVENTS, QUICK_EVENTS) } });
    const before = await lab.usage();
    await lab.rig.startCounts();
    const started = lab.rig.startProcessor();
    const live = await lab.send({ name: 'live', pace: LIVE });
    await started;
    const arrivals = await lab.arrivals(missed.ids.length + live.ids.length);
    await lab.rig.settle();
    const passage = passageOf(missed, arrivals, { ignored: new Set(live.ids) });
    const { intendedAtMs, deliveredAtMs } = passageOf(live, arrivals, { ignored: new Set(missed.ids) });
    const result = resultOf(await lab.measured(passage, before));
    await lab.proveStored();
    const seconds = (latest(passage.deliveredAtMs) - earliest(passage.deliveredAtMs)) / 1_000;
    const liveLatency = latenciesOf(intendedAtMs, deliveredAtMs);
    return { ...withFigures(result, { deliveredPerSecond: passage.events / seconds, secondsToEmpty: seconds, endToEndP50Ms: percentileMs(liveLatency, 50), endToEndP99Ms: percentileMs(liveLatency, 99), endToEndP999Ms: percentileMs(liveLatency, 99.9) }), latencies: { 'live events, end to end': liveLatency } };
  });
}

export const catchUp: Workload = {
  code: 'W7',
  name: 'catch-up',
  summary: `${EVENTS} events come in while the processor is down; it is started, and ${LIVE.perSecond} a second come in meanwhile, whose latencies are told`,
  variants: [{ name: 'catch-up', run }, { name: 'peak', run: (conditions) => runPeak(buildHooktail, conditions) }],
  ratios: [{ figure: 'deliveredPerSecond', of: 'catch-up', to: 'peak' }],
  pairs: 3,
};
