/** A set of three whose primary steps down again and again, and is killed in the end: nothing acknowledged is lost, and nobody has to restart anything. */
import { now } from '../ledger.ts';
import { primaryOf, stepDown } from '../nodes.ts';
import type { MongoNode } from '../../tools/local-mongo.ts';
import type { Scenario, Stage } from '../scenario.ts';

const STEP_DOWNS = 15;
const EVERY_MS = 8_000;
const RATE = 120;
const FLOWING_WITHIN_MS = 15_000;

export const stepDownScenario: Scenario = {
  name: 'step-down',
  summary: `The primary of three steps down ${STEP_DOWNS} times under load, then is killed: deliveries flow within 15 s of each new primary, no program ends`,
  fleet: { nodes: 3, processors: 2 },

  async run(stage) {
    stage.load({ rate: RATE });
    for (let count = 1; count <= STEP_DOWNS; count += 1) {
      const beganAtMs = now();
      await stage.sleep(500);
      await stepDown(await primary(stage));
      await untilFlowing(stage, `step-down ${count} of ${STEP_DOWNS}`);
      await stage.sleep(Math.max(0, EVERY_MS - (now() - beganAtMs)));
    }
    const killed = await primary(stage);
    await killed.kill();
    await untilFlowing(stage, 'the kill of the primary');
    await killed.start();
    stage.healed();
  },
};

const primary = (stage: Stage): Promise<MongoNode> => stage.until('a primary', () => primaryOf(stage.fleet.mongo));

async function untilFlowing(stage: Stage, after: string): Promise<void> {
  await stage.fleet.mongo.waitForPrimary();
  const afterMs = await stage.flowing(now(), FLOWING_WITHIN_MS);
  stage.note(`flowing ${afterMs.toFixed(0)} ms after ${after}`);
}
