/**
 * A processor that ends in order hands its targets over at once: the other one serves them within a second and the limiter
 * interval, nothing comes twice, and a receiver with limit 3/s never sees a fourth start in any second. The limited target is
 * offered more than its limit, so that one is owed to it at every moment of every handover.
 */
import { now } from '../ledger.ts';
import { lanesOf, servedAgain, servedWords, untilShared } from '../owners.ts';
import type { Program } from '../program.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { calmTarget, LIMITED_RATE, TARGETS, typeAmong } from '../targets.ts';

const ROUNDS = 5;
const RATE = 80;
const LIMITED_SHARE = 4 / RATE;
/** A second and the limiter interval of 0.34 s, and a little for a busy machine. */
const SERVED_WITHIN_MS = 1_500;
const RUN_IN_MS = 2_000;
const UNLIMITED = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
const anUnlimited = typeAmong(UNLIMITED);

export const handover: Scenario = {
  name: 'handover',
  summary: `One of two processors gets a SIGTERM, ${ROUNDS} times: its targets are served again within ${SERVED_WITHIN_MS} ms, nothing comes twice, the limit of ${LIMITED_RATE}/s holds throughout`,
  fleet: { nodes: 1, processors: 2, targets: [...UNLIMITED.map((name) => calmTarget(name)), TARGETS.limited] },

  async run(stage) {
    const { fleet } = stage;
    stage.load({ rate: RATE, typeOf: (drawn) => (drawn < LIMITED_SHARE ? 'limited.tick' : anUnlimited((drawn - LIMITED_SHARE) / (1 - LIMITED_SHARE))) });
    let worstMs = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      await untilShared(stage, fleet.up);
      await stage.sleep(RUN_IN_MS);
      // In turns, so that the limited lane both leaves and comes back.
      const leaving = fleet.processors[round % 2];
      if (leaving === undefined) throw new Error('Expected two processors, got fewer');
      worstMs = Math.max(worstMs, await handOver(stage, leaving));
      await fleet.start(leaving);
    }
    stage.expect(worstMs <= SERVED_WITHIN_MS, `every target to be served again within ${SERVED_WITHIN_MS} ms, got ${worstMs.toFixed(0)} ms`);
  },
};

/** One SIGTERM; answers how long the slowest of its targets was not served. */
async function handOver(stage: Stage, leaving: Program): Promise<number> {
  const { fleet } = stage;
  const targetIds = await lanesOf(fleet.store, leaving);
  const atMs = now();
  const ending = await leaving.stop();
  stage.expect(ending.code === 0, `${leaving.name} to exit 0 after SIGTERM, got ${ending.signal ?? `code ${ending.code ?? 1}`}`);
  const served = await servedAgain(stage, { targetIds, atMs, heirs: fleet.up });
  stage.note(`${leaving.name} ended in ${ending.tookMs.toFixed(0)} ms; served again: ${servedWords(served)}`);
  return served[0]?.ms ?? 0;
}
