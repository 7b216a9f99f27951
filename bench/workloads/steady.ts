/** W1: an open loop at a share of what the system can do, ten targets: what a sender and a receiver wait for. */
import { resultOf, withFigures, type RunResult } from '../figures/result.ts';
import { perSecond } from '../figures/passage.ts';
import { Lab, type Measured } from '../lab/lab.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { targetsOf, typesFor } from '../rigs/rig.ts';
import { SENDERS, secondsOf, type Conditions, type Workload } from './workload.ts';

const TARGETS = targetsOf(10);
const TYPES = typesFor(TARGETS);
const SECONDS = 120;
const QUICK_SECONDS = 8;
const SHARES = [0.25, 0.5, 0.8] as const;
const CAPACITY_EVENTS = 20_000;
const QUICK_CAPACITY_EVENTS = 4_000;
/** The first part of a load runs in, and is measured with the rest only for its proof. */
export const SCHEDULE = 'poisson';

/** Events a second that the system can do just now, on just these targets; it is warm afterwards. */
export async function capacityOf(lab: Lab, { quick, rate }: Conditions, types: readonly number[]): Promise<number> {
  const pace = { kind: 'closed', senders: SENDERS } as const;
  await lab.warmUp({ name: 'warm-up', types, pace: { ...pace, events: QUICK_CAPACITY_EVENTS } });
  const passage = await lab.pass({ name: 'capacity', types, pace: { ...pace, events: quick ? QUICK_CAPACITY_EVENTS : CAPACITY_EVENTS } });
  return rate ?? perSecond(passage, passage.deliveredAtMs);
}

/** At so many events a second; nothing is counted before it has run for a moment. */
export const measureSteady = (lab: Lab, conditions: Conditions, { rate, types, name = 'load' }: { readonly rate: number; readonly types: readonly number[]; readonly name?: string }): Promise<Measured> =>
  lab.measure({ name, types, pace: { kind: 'open', perSecond: rate, seconds: secondsOf(conditions, SECONDS, QUICK_SECONDS), schedule: SCHEDULE } });

/** A share of what the system can do, or of `--rate`. */
export async function runShare(lab: Lab, conditions: Conditions, { share, types }: { readonly share: number; readonly types: readonly number[] }): Promise<RunResult> {
  const rate = share * (await capacityOf(lab, conditions, types));
  const measured = await measureSteady(lab, conditions, { rate, types });
  await lab.proveStored();
  return withFigures(resultOf(measured), { offeredPerSecond: rate });
}

const runSteady = (share: number, conditions: Conditions): Promise<RunResult> =>
  Lab.open(buildHooktail, { targets: TARGETS }, conditions, (lab) => runShare(lab, conditions, { share, types: TYPES }));

export const steady: Workload = {
  code: 'W1',
  name: 'steady',
  summary: `open loop (${SCHEDULE}) at ${SHARES.map((share) => share * 100).join(', ')} % of what the system can do, ${TARGETS.length} targets: latencies`,
  variants: SHARES.map((share) => ({ name: `${share * 100} %`, run: (conditions) => runSteady(share, conditions) })),
  ratios: [],
  pairs: 1,
};
