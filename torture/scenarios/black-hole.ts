/**
 * One target that takes requests and never answers, among nine healthy ones: they notice nothing, what it is owed waits in the
 * database, and when it answers again everything is delivered. It has a rate limit, since only a limited lane has a
 * small memory, but no concurrency limit: it takes every slot that it is allowed to.
 */
import { usageOf } from '../../bench/lab/processes.ts';
import { delaysOf, delayWords, type Delays } from '../delays.ts';
import { now } from '../ledger.ts';
import type { Program } from '../program.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { calmTarget, typeAmong } from '../targets.ts';

const RATE = 150;
const HEALTHY = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'] as const;
const HOLE = calmTarget('hole', { ratePerSecond: 40, concurrency: 0 });
const RUN_IN_MS = 10_000;
const BASELINE_MS = 30_000;
const HOLE_MS = 60_000;
const MOST_SLOWER = 1.2;
/** Below this a difference says more about the machine than about the black hole. */
const DELAY_FLOOR_MS = 50;
/** An event is sent only after the stream has told it, so the slowest of the healthy ones bounds the lag of the reader. */
const MOST_LAG_MS = 1_000;
const MOST_GROWTH = 1.3;
const GROWTH_FLOOR_MIB = 30;

interface Look {
  readonly delays: Delays;
  readonly rssMiB: number;
}

export const blackHole: Scenario = {
  name: 'black-hole',
  summary: `One of ten targets never answers for ${HOLE_MS / 1_000} s under ${RATE} events/s: the others are as fast as before, the reader's lag stays below ${MOST_LAG_MS / 1_000} s, memory is flat`,
  fleet: { nodes: 1, processors: 1, targets: [HOLE, ...HEALTHY.map((name) => calmTarget(name))] },
  healingMs: 120_000,

  async run(stage) {
    const { fleet } = stage;
    const [processor] = fleet.processors;
    if (processor === undefined) throw new Error('Expected a processor, got none');
    stage.load({ rate: RATE, typeOf: typeAmong(['hole', ...HEALTHY]) });
    await stage.sleep(RUN_IN_MS);
    const before = await watch(stage, processor, BASELINE_MS);
    await fleet.receiver.hang([HOLE]);
    const first = await watch(stage, processor, HOLE_MS / 2);
    const parkedFirst = await parkedFor(stage);
    const second = await watch(stage, processor, HOLE_MS / 2);
    const parked = await parkedFor(stage);
    await fleet.receiver.hang([]);
    stage.healed();
    stage.note(`parked: ${parkedFirst}, then ${parked}; memory ${[before, first, second].map(({ rssMiB }) => rssMiB.toFixed(0)).join(', ')} MiB`);
    stage.expect(parked > parkedFirst, `what the black hole is owed to wait in the database, ever more of it, got ${parkedFirst} and then ${parked}`);
    for (const look of [first, second]) expectCalm(stage, before, look);
  },
};

/** One stretch: what it was like for the healthy targets, and the most memory until its end. */
async function watch(stage: Stage, { pid }: Program, ms: number): Promise<Look> {
  const fromMs = now();
  await stage.sleep(ms);
  const delays = delaysOf(stage, (type) => type !== 'hole.thing', [fromMs, now() - MOST_LAG_MS]);
  stage.note(`healthy targets: ${delayWords(delays)}`);
  return { delays, rssMiB: (await usageOf({ processor: pid }))['processor']?.peakRssMiB ?? Infinity };
}

const parkedFor = ({ fleet }: Stage): Promise<number> => fleet.store.deliveries.countDocuments({ targetId: HOLE.id, state: 'ready' });

function expectCalm(stage: Stage, before: Look, { delays, rssMiB }: Look): void {
  const mostP99 = Math.max(MOST_SLOWER * before.delays.p99, before.delays.p99 + DELAY_FLOOR_MS);
  const mostMiB = Math.max(MOST_GROWTH * before.rssMiB, before.rssMiB + GROWTH_FLOOR_MIB);
  stage.expect(delays.p99 <= mostP99, `the healthy targets' p99 to be at most ${mostP99.toFixed(0)} ms, got ${delayWords(delays)}`);
  stage.expect(delays.max < MOST_LAG_MS, `the reader to be less than ${MOST_LAG_MS} ms behind, got ${delayWords(delays)}`);
  stage.expect(rssMiB <= mostMiB, `at most ${mostMiB.toFixed(0)} MiB, got ${rssMiB.toFixed(0)} MiB`);
}
