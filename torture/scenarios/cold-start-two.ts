/** Two processors that begin at the same moment, with everything still to do: each event goes to each of its targets once. */
import type { Scenario } from '../scenario.ts';
import { UNLIMITED_TARGETS } from '../targets.ts';

const EVENTS = 10_000;
const RATE = 1_500;

export const coldStartTwo: Scenario = {
  name: 'cold-start-two',
  summary: `Two processors start at once on ${EVENTS} stored events: no duplicate, one delivery document a pair`,
  fleet: { nodes: 1, processors: 0, targets: UNLIMITED_TARGETS },

  async run(stage) {
    await stage.load({ count: EVENTS, rate: RATE }).finished;
    stage.note('everything is stored');
    await Promise.all([stage.fleet.addProcessor(), stage.fleet.addProcessor()]);
    stage.healed();
    stage.note(`settled after ${(await stage.untilSettled(60_000)).toFixed(0)} ms`);
  },
};
