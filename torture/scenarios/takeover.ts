/** A processor that is killed and does not come back: when its lease has ended, the other one takes its targets. A new one joins after each round. */
import { now } from '../ledger.ts';
import { lanesOf, servedAgain, servedWords, untilShared } from '../owners.ts';
import type { Program } from '../program.ts';
import { pick } from '../random.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { calmTarget, typeAmong } from '../targets.ts';

const ROUNDS = 3;
const RATE = 100;
/** The lease of 15 s, and what the others need to see it end and to take the lanes. */
const SERVED_WITHIN_MS = 20_000;
const RUN_IN_MS = 3_000;
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;

export const takeover: Scenario = {
  name: 'takeover',
  summary: `One of two processors is killed (SIGKILL) for good, ${ROUNDS} times: its targets are served again within ${SERVED_WITHIN_MS / 1_000} s`,
  fleet: { nodes: 1, processors: 2, targets: NAMES.map((name) => calmTarget(name)) },

  async run(stage) {
    stage.load({ rate: RATE, typeOf: typeAmong(NAMES) });
    let worstMs = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      await untilShared(stage, stage.fleet.up);
      await stage.sleep(RUN_IN_MS);
      worstMs = Math.max(worstMs, await takeOver(stage, pick(stage.random, stage.fleet.up)));
      await stage.fleet.addProcessor();
    }
    stage.expect(worstMs <= SERVED_WITHIN_MS, `every target to be served again within ${SERVED_WITHIN_MS / 1_000} s, got ${(worstMs / 1_000).toFixed(1)} s`);
  },
};

/** One SIGKILL; answers how long the slowest of its targets was not served. */
async function takeOver(stage: Stage, victim: Program): Promise<number> {
  const { fleet } = stage;
  const targetIds = await lanesOf(fleet.store, victim);
  const atMs = now();
  await victim.kill();
  const served = await servedAgain(stage, { targetIds, atMs, heirs: fleet.up });
  stage.note(`${victim.name} killed; served again: ${servedWords(served)}`);
  return served[0]?.ms ?? 0;
}
