/** W8: dead letters are replayed by the tool while live events come in for another target. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { latest, passageOf } from '../figures/passage.ts';
import { resultOf, withFigures, type RunResult } from '../figures/result.ts';
import { now } from '../lab/calls.ts';
import { Lab } from '../lab/lab.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { targetsOf, typesFor, type BenchTarget } from '../rigs/rig.ts';
import { capacityOf, SCHEDULE } from './steady.ts';
import { countOf, secondsOf, SENDERS, type Conditions, type Workload } from './workload.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DEAD = 50_000;
const QUICK_DEAD = 3_000;
const SHARE = 0.25;
const SECONDS = 60;
const QUICK_SECONDS = 8;
const SETTLED_WITHIN_MS = 300_000;
const [BROKEN, LIVE] = [0, 1];

/** The first one gives up at once, so that its events are dead as soon as they are refused. */
const TARGETS: readonly BenchTarget[] = targetsOf(2).map((target) => (target.number === BROKEN ? { ...target, maxAttempts: 1 } : target));

function run(isReplaying: boolean, conditions: Conditions): Promise<RunResult> {
  return Lab.open(buildHooktail, { targets: TARGETS }, conditions, async (lab) => {
    const rate = SHARE * (await capacityOf(lab, conditions, typesFor(TARGETS)));
    await lab.behave({ [BROKEN]: { kind: 'answer', status: 400, afterMs: 0 } });
    const dead = await lab.send({ name: 'dead', types: [BROKEN], pace: { kind: 'closed', senders: SENDERS, events: countOf(conditions, DEAD, QUICK_DEAD) } });
    await lab.rig.untilSettled(SETTLED_WITHIN_MS);
    await lab.arrivals(0);
    await lab.behave({});

    const before = await lab.usage();
    await lab.rig.startCounts();
    const startedAtMs = now();
    const replayed = isReplaying ? replayAll(lab.rig.address, dead.ids.length, conditions.signal) : null;
    const live = await lab.send({ name: 'live', types: [LIVE], pace: { kind: 'open', perSecond: rate, seconds: secondsOf(conditions, SECONDS, QUICK_SECONDS), schedule: SCHEDULE } });
    await replayed;
    const arrivals = await lab.arrivals(live.ids.length + (isReplaying ? dead.ids.length : 0));
    await lab.rig.untilSettled(SETTLED_WITHIN_MS);
    const result = withFigures(resultOf(await lab.measured(passageOf(live, arrivals, { ignored: new Set(dead.ids) }), before)), { offeredPerSecond: rate });
    if (!isReplaying) return result;
    await lab.proveStored();
    return withFigures(result, { secondsToLast: (latest(passageOf(dead, arrivals, { ignored: new Set(live.ids) }).deliveredAtMs) - startedAtMs) / 1_000 });
  });
}

/** As an operator does it. */
const replayAll = async (address: Readonly<Record<string, string>>, count: number, signal: AbortSignal): Promise<unknown> =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', 'tools/replay.ts', '--yes', '--limit', String(count)], { cwd: ROOT, signal, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...address } });

const [DURING, WITHOUT] = ['during a replay', 'without one'];

export const replay: Workload = {
  code: 'W8',
  name: 'replay',
  summary: `${DEAD} dead letters are replayed while live events for another target come in at ${SHARE * 100} % of what the system can do, whose latencies are told`,
  variants: [{ name: DURING, run: (conditions) => run(true, conditions) }, { name: WITHOUT, run: (conditions) => run(false, conditions) }],
  ratios: [{ figure: 'endToEndP99Ms', of: DURING, to: WITHOUT }],
  pairs: 3,
};
