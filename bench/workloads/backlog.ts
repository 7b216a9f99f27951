/** W9: what a backlog that waits for a paused target costs the others: rate, acknowledgement, memory, the sweep's statements. */
import { findDueOfAny } from '../../src/store/deliveries.ts';
import { findPendingFanOut } from '../../src/store/events.ts';
import type { Store } from '../../src/store/store.ts';
import { seedParked } from '../../torture/seed.ts';
import { resultOf, withFigures, type RunResult } from '../figures/result.ts';
import { median } from '../figures/values.ts';
import { now } from '../lab/calls.ts';
import { Lab } from '../lab/lab.ts';
import { buildWithoutProcessor, targetIdOf } from '../rigs/hooktail.ts';
import { targetsOf } from '../rigs/rig.ts';
import { countOf, SENDERS, type Conditions, type Workload } from './workload.ts';

const SIZES = [1_000_000, 100_000, 10_000] as const;
const QUICK_SHARE = 0.02;
const EVENTS = 40_000;
const QUICK_EVENTS = 4_000;
const WARM_UP_EVENTS = 4_000;
const SWEEP_PAGE = 1_000;
const LOOKS = 7;
const [FLOWING, PAUSED] = [0, 1];
/** A million events, their deliveries and marks, and room. */
const OPLOG_MIB = 4_096;

function run(size: number, conditions: Conditions): Promise<RunResult> {
  return Lab.open(buildWithoutProcessor, { targets: targetsOf(2), mongoArgs: ['--oplogSize', String(OPLOG_MIB)] }, conditions, async (lab) => {
    const { store } = lab.rig;
    const pausedId = targetIdOf({ number: PAUSED });
    const backlogEvents = conditions.quick ? size * QUICK_SHARE : size;
    await store.targets.updateOne({ _id: pausedId }, { $set: { status: 'paused', statusReason: 'bench' }, $inc: { version: 1 } });
    conditions.progress(`parking ${backlogEvents} deliveries`);
    await seedParked(store, pausedId, backlogEvents, conditions.signal);
    await lab.rig.startProcessor();
    const load = { types: [FLOWING], pace: { kind: 'closed', senders: conditions.senders ?? SENDERS, events: WARM_UP_EVENTS } } as const;
    await lab.warmUp({ ...load, name: 'warm-up' });
    const measured = await lab.measure({ ...load, name: 'load', pace: { ...load.pace, events: countOf(conditions, EVENTS, QUICK_EVENTS) } });
    await lab.proveStored();
    return withFigures(resultOf(measured), { backlogEvents, processorRssMiB: measured.peakRssMiB['processor'] ?? NaN, sweepMs: await sweepTime(store) });
  });
}

/** What the sweep asks on every turn: the middle one of several. */
async function sweepTime(store: Store): Promise<number> {
  const times: number[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    const fromMs = now();
    await findPendingFanOut(store, null, SWEEP_PAGE);
    await findDueOfAny(store, [targetIdOf({ number: FLOWING }), targetIdOf({ number: PAUSED })], SWEEP_PAGE);
    times.push(now() - fromMs);
  }
  return median(times);
}

const nameOf = (size: number): string => `${size} parked`;
const SMALLEST = nameOf(SIZES.at(-1) ?? 0);

export const backlog: Workload = {
  code: 'W9',
  name: 'backlog',
  summary: `${SIZES.toReversed().join(', ')} deliveries wait for a paused target while another is served at full speed`,
  variants: SIZES.map((size) => ({ name: nameOf(size), run: (conditions) => run(size, conditions) })),
  ratios: SIZES.slice(0, -1).flatMap((size) => (['deliveredPerSecond', 'processorRssMiB'] as const).map((figure) => ({ figure, of: nameOf(size), to: SMALLEST }))),
  pairs: 1,
};
