/**
 * W2: as much as so many senders can send, each its next event once its last one is answered, to one target without limits.
 * Beside the whole system: its ceiling, and what a team would otherwise build.
 */
import { resultOf } from '../figures/result.ts';
import type { RunResult } from '../figures/result.ts';
import { Lab } from '../lab/lab.ts';
import { buildCeiling } from '../rigs/ceiling.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { PEERS } from '../rigs/peers.ts';
import { PLAIN_SETUP, typesFor, type RigBuilder, type RigSetup } from '../rigs/rig.ts';
import { countOf, SENDERS, type Conditions, type Variant, type Workload } from './workload.ts';

const EVENTS = 40_000;
const QUICK_EVENTS = 6_000;
const WARM_UP_EVENTS = 5_000;
const QUICK_WARM_UP_EVENTS = 1_500;

/** One load at full speed, after a warm-up of its own. */
export function runPeak(build: RigBuilder, conditions: Conditions, { setup = PLAIN_SETUP, ...load }: PeakOptions = {}): Promise<RunResult> {
  const { quick, senders } = conditions;
  return Lab.open(build, setup, conditions, async (lab) => {
    const pace = { kind: 'closed', senders: senders ?? load.senders ?? SENDERS } as const;
    const rest = { types: typesFor(setup.targets), share: load.share ?? 'even', ...(load.bodyBytes === undefined ? {} : { bodyBytes: load.bodyBytes }), perRequest: load.perRequest ?? 1 };
    await lab.warmUp({ ...rest, name: 'warm-up', pace: { ...pace, events: quick ? QUICK_WARM_UP_EVENTS : WARM_UP_EVENTS } });
    const measured = await lab.measure({ ...rest, name: 'load', pace: { ...pace, events: load.events ?? countOf(conditions, EVENTS, QUICK_EVENTS) } });
    await lab.proveStored();
    return resultOf(measured);
  });
}

export interface PeakOptions {
  readonly setup?: RigSetup;
  readonly senders?: number;
  readonly events?: number;
  readonly bodyBytes?: number;
  readonly share?: 'even' | 'zipf';
  readonly perRequest?: number;
}

const OTHERS: readonly Variant[] = [
  { name: 'ceiling', run: (conditions) => runPeak(buildCeiling, conditions) },
  ...PEERS.map(({ name, build, missing }) => ({ name, missing, run: (conditions: Conditions) => runPeak(build, conditions) })),
];

export const peak: Workload = {
  code: 'W2',
  name: 'peak',
  summary: `${SENDERS} senders at full speed, small JSON bodies, one target without limits; beside the ceiling and the peers`,
  variants: [{ name: 'hooktail', run: (conditions) => runPeak(buildHooktail, conditions) }, ...OTHERS],
  ratios: OTHERS.flatMap(({ name: to }) => (['deliveredPerSecond', 'cpuPerThousand'] as const).map((figure) => ({ figure, of: 'hooktail', to }))),
  pairs: 7,
};
