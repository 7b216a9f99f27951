/** What a backlog costs: the same processor's memory, rate and sweep with ten thousand deliveries parked and with a million. */
import type { Fleet } from '../fleet.ts';
import { now } from '../ledger.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { findDueOfAny } from '../../src/store/deliveries.ts';
import { findPendingFanOut } from '../../src/store/events.ts';
import { usageOf } from '../../bench/lab/processes.ts';
import { seedParked, unseedParked } from '../seed.ts';
import { CALM, TARGETS } from '../targets.ts';

const FEW = 10_000;
const MANY = 1_000_000;
/** The rate is taken between these arrivals of each run, when both processes are equally warm. */
const WINDOW = [4_000, 9_500] as const;
/** How long the large backlog is worked off while memory is watched. */
const WATCH_MS = 60_000;
const SWEEP_PAGE = 1_000;
const LOOKS = 7;
const EVENTS = 200;
const PLAIN = { ...TARGETS.plain, temper: CALM };

interface Cost {
  readonly peakRssMiB: number;
  readonly perSecond: number;
  readonly sweepMs: number;
}

export const backlog: Scenario = {
  name: 'backlog',
  summary: `${MANY} parked deliveries against ${FEW}: memory at most 1.5 times, rate at least 0.8 times, the sweep's statements as fast`,
  fleet: { nodes: 1, processors: 0, targets: [PLAIN] },
  healingMs: 120_000,

  async run(stage) {
    const few = await costOf(stage, FEW, 0);
    const many = await costOf(stage, MANY, WATCH_MS);
    const taken = await unseedParked(stage.fleet.store, PLAIN.id);
    stage.note(`${taken} of ${MANY} taken back`);
    stage.expect(many.peakRssMiB <= 1.5 * few.peakRssMiB, `at most 1.5 times the memory, got ${many.peakRssMiB.toFixed(0)} against ${few.peakRssMiB.toFixed(0)} MiB`);
    stage.expect(many.perSecond >= 0.8 * few.perSecond, `at least 0.8 times the rate, got ${many.perSecond.toFixed(0)} against ${few.perSecond.toFixed(0)}/s`);
    stage.expect(many.sweepMs <= 2 * few.sweepMs + 20, `the sweep's statements to take about as long, got ${many.sweepMs.toFixed(1)} against ${few.sweepMs.toFixed(1)} ms`);
    await stage.fleet.addProcessor();
    await stage.load({ count: EVENTS, rate: 50 }).finished;
  },
};

/** A fresh processor on so many parked deliveries, and the end of it. */
async function costOf(stage: Stage, count: number, watchMs: number): Promise<Cost> {
  const { fleet, signal } = stage;
  stage.note(`seeding ${count}`);
  await seedParked(fleet.store, PLAIN.id, count, signal);
  const sweepMs = await sweepTime(fleet);
  const before = fleet.receiver.received.length;
  const processor = await fleet.addProcessor();
  const [fromMs, toMs] = [await arrival(stage, before + WINDOW[0]), await arrival(stage, before + WINDOW[1])];
  await stage.sleep(Math.max(watchMs, 3_000));
  const peakRssMiB = (await usageOf({ processor: processor.pid }))['processor']?.peakRssMiB ?? Infinity;
  await processor.stop();
  const cost = { peakRssMiB, sweepMs, perSecond: ((WINDOW[1] - WINDOW[0]) / (toMs - fromMs)) * 1_000 };
  stage.note(`${count} parked: ${cost.peakRssMiB.toFixed(0)} MiB, ${cost.perSecond.toFixed(0)}/s, sweep ${cost.sweepMs.toFixed(1)} ms`);
  return cost;
}

const arrival = (stage: Stage, number: number): Promise<number> => stage.until(`request ${number}`, () => stage.fleet.receiver.received[number - 1]?.atMs ?? null, 120_000);

/** The middle one of several: what the sweep asks on every turn. */
async function sweepTime({ store }: Fleet): Promise<number> {
  const times: number[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    const fromMs = now();
    await findPendingFanOut(store, null, SWEEP_PAGE);
    await findDueOfAny(store, [PLAIN.id], SWEEP_PAGE);
    times.push(now() - fromMs);
  }
  return times.sort((a, b) => a - b)[Math.floor(LOOKS / 2)] ?? Infinity;
}
