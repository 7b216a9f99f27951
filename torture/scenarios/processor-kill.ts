/** A processor that is killed again and again while it works off 20,000 events: nothing is lost, and each kill repeats at most what it had in hand. */
import { between } from '../random.ts';
import type { Scenario } from '../scenario.ts';
import { UNLIMITED_TARGETS } from '../targets.ts';

const KILLS = 100;
const EVENTS = 20_000;
/** So that the load lasts as long as the kills do, about two seconds each with the start between them. */
const RATE = 110;
const IDLE_WITHIN_MS = 25_000;

export const processorKill: Scenario = {
  name: 'processor-kill',
  summary: `The only processor is killed (SIGKILL) ${KILLS} times, 50 to 1500 ms after it runs, under ${EVENTS} events; idle ${IDLE_WITHIN_MS / 1_000} s after the last`,
  fleet: { nodes: 1, processors: 1, targets: UNLIMITED_TARGETS },

  async run(stage) {
    const { fleet, random } = stage;
    const [processor] = fleet.processors;
    if (processor === undefined) throw new Error('Expected a processor, got none');
    const load = stage.load({ count: EVENTS, rate: RATE });
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await stage.sleep(between(random, 50, 1_500));
      await processor.kill();
      stage.note(`kill ${kill} of ${KILLS}`);
      await fleet.start(processor);
    }
    stage.healed();
    await load.finished;
    const tookMs = await stage.untilSettled(IDLE_WITHIN_MS);
    stage.note(`idle ${tookMs.toFixed(0)} ms after the load`);
  },
};
