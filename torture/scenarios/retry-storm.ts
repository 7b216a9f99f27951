/**
 * A hundred thousand retries that fall due at one moment, for one target, beside three healthy ones under a steady load: memory
 * stays bounded, the healthy ones notice little, and every retry is made once.
 */
import { usageOf } from '../../bench/lab/processes.ts';
import { delaysOf, delayWords } from '../delays.ts';
import { now } from '../ledger.ts';
import type { Program } from '../program.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { seedWaiting } from '../seed.ts';
import { calmTarget, typeAmong } from '../targets.ts';

const RETRIES = 100_000;
const RATE = 90;
const HEALTHY = ['a', 'b', 'c'] as const;
const STORMY = calmTarget('stormy');
/** From the beginning of the seeding until all of it is due: time to seed, to start, and to take the baseline. */
const DUE_IN_MS = 90_000;
const RUN_IN_MS = 5_000;
const LEAST_BASELINE_MS = 20_000;
/** Patience only: how fast a storm is worked off is the machine's affair. */
const OVER_WITHIN_MS = 600_000;
const MOST_RSS_MIB = 700;
const MOST_GROWTH = 2.5;
const MOST_SLOWER = 2;
/** Below this a delay says more about the machine than about the storm: all programs share its processors. */
const DELAY_FLOOR_MS = 500;

export const retryStorm: Scenario = {
  name: 'retry-storm',
  summary: `${RETRIES} retries of one target fall due at once, beside ${HEALTHY.length} healthy targets: memory bounded, the healthy ones at most ${MOST_SLOWER} times slower (or ${DELAY_FLOOR_MS} ms)`,
  fleet: { nodes: 1, processors: 0, targets: [STORMY, ...HEALTHY.map((name) => calmTarget(name))] },
  healingMs: 120_000,

  async run(stage) {
    const { fleet, signal } = stage;
    const [dueAtMs, dueAt] = [now() + DUE_IN_MS, new Date(Date.now() + DUE_IN_MS)];
    await seedWaiting(fleet.store, { targetId: STORMY.id, type: 'stormy.thing', dueAt }, RETRIES, signal);
    stage.note(`${RETRIES} seeded`);
    const processor = await fleet.addProcessor();
    stage.load({ rate: RATE, typeOf: typeAmong(HEALTHY) });
    await stage.sleep(RUN_IN_MS);
    const fromMs = now();
    if (dueAtMs - fromMs < LEAST_BASELINE_MS) throw new Error(`Expected ${LEAST_BASELINE_MS / 1_000} s for the baseline, got ${((dueAtMs - fromMs) / 1_000).toFixed(0)} s: this machine is too slow or too busy`);
    await stage.sleep(dueAtMs - fromMs - 1_000);
    await weather(stage, processor, fromMs, dueAtMs);
  },
};

async function weather(stage: Stage, processor: Program, fromMs: number, dueAtMs: number): Promise<void> {
  const isHealthy = (type: string): boolean => type !== 'stormy.thing';
  const [before, rssBefore] = [delaysOf(stage, isHealthy, [fromMs, now()]), await peakRssMiB(processor)];
  await stage.sleep(dueAtMs - now());
  await stage.until('the storm to be over', () => isOver(stage), OVER_WITHIN_MS);
  const overAtMs = now();
  const [during, rssDuring] = [delaysOf(stage, isHealthy, [dueAtMs, overAtMs]), await peakRssMiB(processor)];
  stage.note(`the storm took ${((overAtMs - dueAtMs) / 1_000).toFixed(1)} s; memory ${rssBefore.toFixed(0)} MiB before, ${rssDuring.toFixed(0)} MiB at most`);
  stage.note(`healthy targets before: ${delayWords(before)}; during: ${delayWords(during)}`);
  stage.expect(rssDuring <= Math.min(MOST_RSS_MIB, MOST_GROWTH * rssBefore), `at most ${MOST_RSS_MIB} MiB and ${MOST_GROWTH} times the memory, got ${rssDuring.toFixed(0)} MiB after ${rssBefore.toFixed(0)} MiB`);
  stage.expect(during.p99 < Math.max(MOST_SLOWER * before.p99, DELAY_FLOOR_MS), `p99 below ${MOST_SLOWER} times the baseline or ${DELAY_FLOOR_MS} ms, got ${delayWords(during)} after ${delayWords(before)}`);
}

async function isOver({ fleet }: Stage): Promise<true | null> {
  const left = await fleet.store.deliveries.findOne({ targetId: STORMY.id, wakeAt: { $exists: true } }, { projection: { _id: 1 } });
  return left === null ? true : null;
}

const peakRssMiB = async ({ pid }: Program): Promise<number> => (await usageOf({ processor: pid }))['processor']?.peakRssMiB ?? Infinity;
