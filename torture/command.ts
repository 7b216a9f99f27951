/** `npm run torture`: performs what was ordered, one run after the other, tells each as it ends, then closes with the table. */
import { setMaxListeners } from 'node:events';
import type { ToolContext } from '../tools/cli/context.ts';
import { EXIT, type ExitCode } from '../tools/cli/exit-codes.ts';
import { helpText } from '../tools/cli/help.ts';
import { FAULTS } from './faults.ts';
import { findFaketime } from './faketime.ts';
import { mixedScenario } from './mixed.ts';
import { commandFor, MIXED, readOrder, TORTURE_HELP, type TortureOrder } from './options.ts';
import { perform, type RunReport } from './perform.ts';
import { runLines, tableLines } from './report.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { withoutLeftovers } from './shared-memory.ts';

export async function tortureCommand(context: ToolContext): Promise<ExitCode> {
  const order = readOrder(context.argv, { scenarios: SCENARIOS.map(({ name }) => name), faults: FAULTS.map(({ name }) => name) });
  switch (order.kind) {
    case 'help':
      context.out(helpText(TORTURE_HELP));
      return EXIT.done;
    case 'list':
      listLines().forEach((line) => context.out(line));
      return EXIT.done;
    case 'run':
      return torture(order, context);
  }
}

async function torture(order: TortureOrder, context: ToolContext): Promise<ExitCode> {
  const { out, note, signal } = context;
  note(`Seed ${order.seed}; again with: ${order.scenarios.map((name) => commandFor(name, order.seed, order.mixed)).slice(0, 1).join('')}`);
  const reports = await withoutLeftovers(() => performAll(order, context));
  if (signal.aborted) {
    note('Interrupted');
    return EXIT.interrupted;
  }
  if (order.json) out(JSON.stringify({ seed: order.seed, runs: reports }));
  else ['', ...tableLines(reports)].forEach((line) => out(line));
  const failed = reports.filter(({ failures }) => failures.length > 0);
  for (const { scenario, seed } of failed) note(`Failed; again with: ${commandFor(scenario, seed, order.mixed)} --keep evidence`);
  return failed.length === 0 && reports.length > 0 ? EXIT.done : EXIT.someFailed;
}

/** What was performed until the end, or until the interruption. */
async function performAll(order: TortureOrder, { out, note, progress, signal }: ToolContext): Promise<readonly RunReport[]> {
  const reports: RunReport[] = [];
  setMaxListeners(0, signal); // Every fault that waits its turn, every program and every load listens.
  const faketimePath = await faketimePathFor(note, signal);
  for (const scenario of order.scenarios.flatMap((name) => scenarioNamed(name, order, faketimePath !== null))) {
    if (scenario.fleet.clocks === true && faketimePath === null) {
      note(`${scenario.name} is left out: it needs clocks that can be set`);
      continue;
    }
    for (let run = 1; run <= order.runs && !signal.aborted; run += 1) {
      const report = await perform({ scenario, seed: order.seed + run - 1, run, keepDir: order.keepDir, faketimePath, signal, progress }).catch((error: unknown) => orNull(error, signal));
      progress('');
      if (report === null) break;
      reports.push(report);
      if (!order.json) runLines(report).forEach((line) => out(line));
    }
  }
  return reports;
}

/** A run that was interrupted has failed for no reason worth telling. */
function orNull(error: unknown, { aborted }: AbortSignal): null {
  if (aborted) return null;
  throw error;
}

async function faketimePathFor(note: (line: string) => void, signal: AbortSignal): Promise<string | null> {
  const faketime = await findFaketime(signal);
  if (faketime.kind === 'found') return faketime.path;
  note(`No clock faults: ${faketime.why}`);
  return null;
}

const scenarioNamed = (name: string, { mixed }: TortureOrder, hasClocks: boolean): readonly Scenario[] =>
  name === MIXED ? [mixedScenario(mixed, hasClocks)] : SCENARIOS.filter((scenario) => scenario.name === name);

function listLines(): readonly string[] {
  const width = Math.max(...[...FAULTS, ...SCENARIOS].map(({ name }) => name.length));
  const line = ({ name, summary }: { readonly name: string; readonly summary: string }): string => `  ${name.padEnd(width)}  ${summary}`;
  return [
    'Faults (--faults), mixed by a plan that the seed makes:', ...FAULTS.flatMap((fault) => [line(fault), `  ${''.padEnd(width)}  duplicates: ${fault.duplicates}`]),
    '', 'Scenarios (--scenario):', ...SCENARIOS.map(line),
  ];
}
