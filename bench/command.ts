/** `npm run bench`: runs pairs one after the other, tells each run as it ends, then compares. */
import { EXIT, type ExitCode } from '../tools/cli/exit-codes.ts';
import type { ToolContext } from '../tools/cli/context.ts';
import { helpText } from '../tools/cli/help.ts';
import { breachesOf } from './limits.ts';
import { measure, type RunFigures } from './measure.ts';
import { BENCH_HELP, readPlan, type BenchPlan, type Side } from './options.ts';
import { compare, comparisonLines, runLines } from './report.ts';

export async function benchCommand(context: ToolContext): Promise<ExitCode> {
  const plan = readPlan(context.argv);
  if (plan === null) {
    context.out(helpText(BENCH_HELP));
    return EXIT.done;
  }
  const runs = await runAll(plan, context);
  if (context.signal.aborted) {
    context.note('Interrupted');
    return EXIT.interrupted;
  }
  conclude(plan, runs, context);
  return plan.checksLimits ? judge(runs, context) : EXIT.done;
}

/** What was measured until the end, or until the interruption. */
async function runAll({ workload, pairs, sides, profileDir, json }: BenchPlan, { signal, out, progress }: ToolContext): Promise<readonly RunFigures[]> {
  const runs: RunFigures[] = [];
  const order = orderOf(pairs, sides);
  for (const [index, side] of order.entries()) {
    progress(`run ${index + 1} of ${order.length}: ${side}, ${workload.events} events`);
    const run = await measure({ side, workload, profileDir, signal }).catch((error: unknown) => orNull(error, signal));
    progress('');
    if (run === null) break;
    runs.push(run);
    if (!json) runLines(run).forEach((line) => out(line));
  }
  return runs;
}

/** A run that was interrupted has failed for no reason worth telling. */
function orNull(error: unknown, { aborted }: AbortSignal): null {
  if (aborted) return null;
  throw error;
}

/** A B B A …: what drifts in the machine meanwhile weighs on both sides alike. */
const orderOf = (pairs: number, sides: readonly Side[]): readonly Side[] => Array.from({ length: pairs }, (_, pair) => (pair % 2 === 0 ? sides : sides.toReversed())).flat();

function conclude({ workload, json }: BenchPlan, runs: readonly RunFigures[], { out }: ToolContext): void {
  const comparison = compare(runs);
  if (json) out(JSON.stringify({ workload: workload.name, senders: workload.senders, bodyBytes: workload.bodyBytes, runs, comparison }));
  else if (comparison !== null) comparisonLines(comparison).forEach((line) => out(line));
}

function judge(runs: readonly RunFigures[], { note }: ToolContext): ExitCode {
  const breaches = runs.flatMap(breachesOf);
  breaches.forEach((breach) => note(breach));
  return breaches.length === 0 ? EXIT.done : EXIT.someFailed;
}
