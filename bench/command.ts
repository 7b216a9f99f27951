/** `npm run bench`: runs the variants of each workload pair by pair, tells each run as it ends, then compares. */
import { writeFile } from 'node:fs/promises';
import type { ToolContext } from '../tools/cli/context.ts';
import { EXIT, type ExitCode } from '../tools/cli/exit-codes.ts';
import { helpText } from '../tools/cli/help.ts';
import type { Run } from './figures/compare.ts';
import { breachesOf, readLimits } from './figures/limits.ts';
import { calibrate, readMachine } from './machine.ts';
import { BENCH_HELP, readPlan, type BenchPlan, type PlannedWorkload } from './options.ts';
import { htmlReport } from './report/html.ts';
import { jsonReport } from './report/json.ts';
import { headLines, runLines, summaryLines } from './report/terminal.ts';
import { summaryOf, type Report, type Summary } from './report/summary.ts';
import type { Conditions, Variant } from './workloads/workload.ts';

export async function benchCommand(context: ToolContext): Promise<ExitCode> {
  const plan = readPlan(context.argv);
  if (plan === null) {
    context.out(helpText(BENCH_HELP));
    return EXIT.done;
  }
  const report: Report = { machine: await readMachine(), startedAt: new Date().toISOString(), command: `npm run bench -- ${context.argv.join(' ')}`.trim(), summaries: [] };
  if (plan.jsonPath !== '-') headLines(report).forEach((line) => context.out(line));
  const summaries: Summary[] = [];
  for (const planned of plan.workloads) if (!context.signal.aborted) summaries.push(await runWorkload(planned, plan, context));
  if (context.signal.aborted) {
    context.note('Interrupted');
    return EXIT.interrupted;
  }
  await writeReports({ ...report, summaries }, plan, context);
  return plan.conditions.quick ? judge(summaries, context) : EXIT.done;
}

async function runWorkload({ workload, variants, pairs }: PlannedWorkload, plan: BenchPlan, context: ToolContext): Promise<Summary> {
  const present: Variant[] = [];
  for (const variant of variants) {
    const missing = (await variant.missing?.()) ?? null;
    if (missing === null) present.push(variant);
    else context.note(`${workload.name}: ${variant.name} is left out: ${missing}`);
  }
  const runs = await runPairs(workload.name, present, pairs, plan, context);
  const summary = summaryOf(workload, runs);
  if (plan.jsonPath !== '-') summaryLines(summary).forEach((line) => context.out(line));
  return summary;
}

/** What was measured until the end, or until the interruption. */
async function runPairs(name: string, variants: readonly Variant[], pairs: number, plan: BenchPlan, context: ToolContext): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    // A B B A …: what drifts in the machine meanwhile weighs on all alike.
    for (const variant of pair % 2 === 0 ? variants : variants.toReversed()) {
      if (context.signal.aborted) return runs;
      const run = await runOnce(name, variant, pair, plan, context);
      if (run === null) return runs;
      runs.push(run);
      if (plan.jsonPath !== '-') runLines(name, run).forEach((line) => context.out(line));
    }
  }
  return runs;
}

/** Null when it was interrupted: a run that was has failed for no reason worth telling. */
async function runOnce(workload: string, variant: Variant, pair: number, { conditions }: BenchPlan, { signal, progress }: ToolContext): Promise<Run | null> {
  const tell = (text: string): void => progress(`${workload}, ${variant.name}, pair ${pair + 1}${text === '' ? '' : `: ${text}`}`);
  const complete: Conditions = { ...conditions, signal, progress: tell };
  tell('');
  try {
    const calibration = calibrate();
    return { variant: variant.name, pair, calibration, result: await variant.run(complete) };
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  } finally {
    progress('');
  }
}

async function writeReports(report: Report, { jsonPath, htmlPath }: BenchPlan, { out, note }: ToolContext): Promise<void> {
  if (jsonPath === '-') out(jsonReport(report));
  else if (jsonPath !== null) await writeFile(jsonPath, jsonReport(report));
  if (htmlPath !== null) await writeFile(htmlPath, htmlReport(report));
  for (const path of [jsonPath, htmlPath]) if (path !== null && path !== '-') note(`Written: ${path}`);
}

function judge(summaries: readonly Summary[], { note }: ToolContext): ExitCode {
  const limits = readLimits();
  const breaches = summaries.flatMap(({ workload, runs }) => runs.filter(({ variant }) => variant === 'hooktail').flatMap((run) => breachesOf(workload.name, run, limits)));
  breaches.forEach((breach) => note(breach));
  return breaches.length === 0 ? EXIT.done : EXIT.someFailed;
}
