/** The only mongod killed again and again: nothing acknowledged is lost, no program ends, and deliveries flow soon after each return. */
import { now } from '../ledger.ts';
import { between } from '../random.ts';
import type { Scenario } from '../scenario.ts';

const KILLS = 20;
const RATE = 150;
const FLOWING_WITHIN_MS = 15_000;

export const mongodKill: Scenario = {
  name: 'mongod-kill',
  summary: `SIGKILL of the only mongod and its restart, ${KILLS} times under load: no program ends, deliveries flow within 15 s of its return`,
  fleet: { nodes: 1, processors: 2 },

  async run(stage) {
    const { mongo } = stage.fleet;
    const [node] = mongo.nodes;
    if (node === undefined) throw new Error('Expected a node, got none');
    stage.load({ rate: RATE });
    const flowedAfterMs: number[] = [];
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await stage.sleep(between(stage.random, 500, 4_000));
      await node.kill();
      await stage.sleep(between(stage.random, 0, 3_000));
      await node.start();
      await mongo.waitForPrimary();
      flowedAfterMs.push(await stage.flowing(now(), FLOWING_WITHIN_MS));
      stage.note(`kill ${kill} of ${KILLS}: flowing ${flowedAfterMs.at(-1)?.toFixed(0) ?? ''} ms after the return`);
    }
    stage.healed();
    stage.note(`flowing after at most ${Math.max(...flowedAfterMs).toFixed(0)} ms`);
  },
};
