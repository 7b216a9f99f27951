/**
 * W1 for several: an open loop at one and the same rate for each, one target without limits. What a sender and a receiver wait for
 * while nobody is at his limit. The queues on Postgres are no part of it: such a rate is more than they can do.
 */
import type { RunResult } from '../figures/result.ts';
import { Lab } from '../lab/lab.ts';
import { buildCeiling } from '../rigs/ceiling.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { PEERS } from '../rigs/peers.ts';
import { PLAIN_SETUP, typesFor, type RigBuilder } from '../rigs/rig.ts';
import { runShare, SCHEDULE } from './steady.ts';
import type { Conditions, Variant, Workload } from './workload.ts';

const SHARE = 0.5;
/** What counts as all that can be done, for everybody; by `--rate` it can be what a machine really can. */
const ALL_PER_SECOND = 4_000;
const TYPES = typesFor(PLAIN_SETUP.targets);

const run = (build: RigBuilder, conditions: Conditions): Promise<RunResult> =>
  Lab.open(build, PLAIN_SETUP, conditions, (lab) => runShare(lab, { ...conditions, rate: conditions.rate ?? ALL_PER_SECOND }, { share: SHARE, types: TYPES }));

const OTHERS: readonly Variant[] = [
  { name: 'ceiling', run: (conditions) => run(buildCeiling, conditions) },
  ...PEERS.filter(({ name }) => name === 'bullmq').map(({ name, build, missing }) => ({ name, missing, run: (conditions: Conditions) => run(build, conditions) })),
];

export const beside: Workload = {
  code: 'W1b',
  name: 'beside',
  summary: `open loop (${SCHEDULE}) at the same rate for each, ${SHARE * ALL_PER_SECOND} events/s, one target: latencies beside the ceiling's and a peer's`,
  variants: [{ name: 'hooktail', run: (conditions) => run(buildHooktail, conditions) }, ...OTHERS],
  ratios: OTHERS.flatMap(({ name: to }) => (['ackP50Ms', 'ackP99Ms', 'endToEndP50Ms', 'endToEndP99Ms'] as const).map((figure) => ({ figure, of: 'hooktail', to }))),
  pairs: 3,
};
