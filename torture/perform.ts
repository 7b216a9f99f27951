/**
 * One performance of a scenario, from nothing to its report:
 *
 *   fleet up → run → loads stopped → settled → a quiet while → programs ended → ledgers read → judged
 *
 * A step that fails is told and does not hide the judgement: what was lost matters more than why the script stumbled.
 */
import { availableParallelism, loadavg } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { withEndings, type Endings } from '../bench/lab/endings.ts';
import { messageOf } from '../src/runtime/errors.ts';
import { listTargets } from '../src/store/targets.ts';
import { keepEvidence, keepMongodLogs, openFolder, type EvidenceFolder } from './evidence.ts';
import { Fleet, INGEST_SECRET, SLOTS } from './fleet.ts';
import { judge, type Judgement } from './judge.ts';
import { now, readStored, type Ledgers } from './ledger.ts';
import { Sender } from './load.ts';
import { seededRandom } from './random.ts';
import type { Scenario } from './scenario.ts';
import { LiveStage } from './stage.ts';

export interface PerformOptions {
  readonly scenario: Scenario;
  readonly seed: number;
  /** 1, 2, … of the repetitions of this scenario. */
  readonly run: number;
  readonly keepDir: string | null;
  readonly faketimePath: string | null;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

export interface RunReport extends Judgement {
  readonly scenario: string;
  readonly seed: number;
  readonly seconds: number;
  /** How long after the last fault everything was settled, or given up on. */
  readonly settledAfterMs: number;
  /** Processes that wanted a core, on average of the last minute (load average), for each core: far above 1, times mean little. */
  readonly machineLoad: number;
  /** How late it ran timers of its own, all but the latest thousandth. */
  readonly lateMs: number;
  /** What the producer was told instead of 202, by code. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly interruptions: number;
  readonly repeatedStarts: number;
  /** Everything that is wrong; empty for a run that passed. */
  readonly failures: readonly string[];
  readonly folder: string | null;
}

/** Two turns of the sweep: what would come again by mistake comes within them. */
const QUIET_MS = 11_000;
const HEALING_MS = 60_000;
const TIMER_MS = 10;
const NANOSECONDS_IN_MS = 1e6;

export function perform(options: PerformOptions): Promise<RunReport> {
  return withEndings(options.signal, async (endings) => {
    const { scenario, seed, run, keepDir, faketimePath, signal, progress } = options;
    const folder = await openFolder(keepDir, `${scenario.name}-${run}-${seed}`);
    await endings.add(folder.remove);
    progress(`${scenario.name}: starting`);
    const fleet = await Fleet.open({ ...scenario.fleet, seed, folder: folder.path, faketimePath: scenario.fleet.clocks === true ? faketimePath : null, endings, signal });
    return play(options, { fleet, folder, sender: await openSender(fleet, options, endings) });
  });
}

async function openSender(fleet: Fleet, { seed, signal }: PerformOptions, endings: Endings): Promise<Sender> {
  const sender = new Sender({ urls: fleet.serverUrls, secret: INGEST_SECRET, random: seededRandom(seed + 1), signal });
  await endings.add(() => Promise.resolve(sender.close()));
  return sender;
}

interface Cast {
  readonly fleet: Fleet;
  readonly sender: Sender;
  readonly folder: EvidenceFolder;
}

async function play({ scenario, seed, signal, progress }: PerformOptions, { fleet, sender, folder }: Cast): Promise<RunReport> {
  const stage = new LiveStage({ fleet, sender, random: seededRandom(seed), signal, progress: (text) => progress(`${scenario.name}: ${text}`) });
  const lateness = monitorEventLoopDelay({ resolution: TIMER_MS });
  lateness.enable();
  const settledAtMs = await playOut(scenario, stage);
  const lateMs = Math.max(0, lateness.percentile(99.9) / NANOSECONDS_IN_MS - TIMER_MS);
  const ledgers: Ledgers = { offers: sender.offers, received: fleet.receiver.received, ...(await readStored(fleet.store)) };
  const judgement = judge(ledgers, {
    targets: await listTargets(fleet.store),
    allowedDuplicates: fleet.interruptions * SLOTS + stage.extraDuplicates,
    startedAtMs: stage.startedAtMs, healedAtMs: stage.healedAtMs ?? settledAtMs, endedAtMs: settledAtMs,
    thawedAtMs: fleet.processors.flatMap(({ thawedAtMs }) => thawedAtMs),
    rests: fleet.rests,
    lateMs,
  });
  const report: RunReport = {
    scenario: scenario.name, seed, seconds: (now() - stage.startedAtMs) / 1_000, settledAfterMs: settledAtMs - (stage.healedAtMs ?? settledAtMs), ...judgement,
    machineLoad: (loadavg()[0] ?? 0) / availableParallelism(), lateMs,
    refusals: Object.fromEntries(sender.refusals), interruptions: fleet.interruptions, repeatedStarts: fleet.repeatedStarts,
    failures: failuresOf(stage, judgement),
    folder: folder.kept ? folder.path : null,
  };
  await keepEvidence(folder, ledgers, stage.notes, report);
  await keepMongodLogs(folder, fleet);
  return report;
}

/** Answers when everything was settled, or given up on. */
async function playOut(scenario: Scenario, stage: LiveStage): Promise<number> {
  const step = async (what: string, act: () => Promise<unknown>): Promise<void> => {
    stage.note(what);
    await act().catch((error: unknown) => stage.failures.push(`${what}: ${messageOf(error)}`));
    stage.signal.throwIfAborted();
  };
  await step('the scenario', () => scenario.run(stage));
  if (stage.healedAtMs === null) stage.healed();
  await step('stopping the load', () => stage.stopLoads());
  await step('settling', () => stage.untilSettled(scenario.healingMs ?? HEALING_MS));
  const settledAtMs = now();
  await step('a quiet while', () => stage.sleep(QUIET_MS));
  await step('ending the programs', () => endPrograms(stage.fleet, stage));
  await step('the receiver\'s last records', () => stage.fleet.receiver.flush());
  return settledAtMs;
}

function failuresOf({ failures, fleet }: LiveStage, { faults, accepted }: Judgement): readonly string[] {
  const help = fleet.helpNeeded.map((need) => `needed help: ${need}`);
  return [...failures, ...help, ...faults, ...(accepted === 0 ? ['nothing was accepted'] : [])];
}

/** In order, as an operator would; one that does not exit 0 has failed at its last duty. */
async function endPrograms(fleet: Fleet, stage: LiveStage): Promise<void> {
  const running = [...fleet.processors, ...fleet.servers].filter((program) => program.running);
  await Promise.all(running.map(async (program) => {
    const { code, signal } = await program.stop();
    stage.expect(code === 0, `${program.name} to exit 0 at the end, got ${signal ?? `code ${code ?? 1}`}`);
  }));
}
