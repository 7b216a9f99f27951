/** A hundred thousand hostile requests beside a calm load: all refused, memory as it was, and the load is served. */
import { readFile } from 'node:fs/promises';
import { barrage } from '../hostile.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { calmTarget } from '../targets.ts';

const WARM_UP = 20_000;
const REQUESTS = 100_000;
const CONCURRENCY = 50;
const RATE = 20;
const MOST_GROWTH = 1.2;
/** A heap breathes by so much. */
const GROWTH_FLOOR_MIB = 40;

export const hostileRequests: Scenario = {
  name: 'hostile-requests',
  summary: `${REQUESTS} hostile requests, ${CONCURRENCY} at once, beside ${RATE} events/s: each refused or cut off, the server's memory flat`,
  fleet: { nodes: 1, processors: 1, targets: [calmTarget('plain')] },

  async run(stage) {
    stage.load({ rate: RATE });
    await fire(stage, WARM_UP);
    const beforeMiB = await rssOf(stage);
    await fire(stage, REQUESTS);
    const afterMiB = await rssOf(stage);
    stage.note(`memory of the server: ${beforeMiB.toFixed(0)} MiB after ${WARM_UP}, ${afterMiB.toFixed(0)} MiB after ${REQUESTS} more`);
    stage.expect(afterMiB <= Math.max(MOST_GROWTH * beforeMiB, beforeMiB + GROWTH_FLOOR_MIB), `flat memory, got ${beforeMiB.toFixed(0)} and then ${afterMiB.toFixed(0)} MiB`);
  },
};

async function fire(stage: Stage, count: number): Promise<void> {
  const [url = ''] = stage.fleet.serverUrls;
  const { answers } = await barrage({ url, count, concurrency: CONCURRENCY, random: stage.random, signal: stage.signal });
  stage.note(`answers: ${[...answers].map(([answer, times]) => `${answer} ${times}`).join(', ')}`);
  for (const answer of answers.keys()) stage.expect(answer === 'cut' || answer.startsWith('4'), `a refusal to every request, got ${answer}`);
}

/** What it holds now, in MiB. */
async function rssOf({ fleet }: Stage): Promise<number> {
  const [server] = fleet.servers;
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(await readFile(`/proc/${server?.pid ?? 0}/status`, 'utf8'))?.[1]) / 1_024;
}
