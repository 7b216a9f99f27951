/** The options of `npm run bench`, and the plan that they make. */
import { readCount, type Reading } from '../src/runtime/config-values.ts';
import { anyText, flag, option, parseArguments, type ValuesOf } from '../tools/cli/arguments.ts';
import type { HelpPage } from '../tools/cli/help.ts';
import { usageError } from '../tools/cli/tool-error.ts';
import { peak } from './workloads/peak.ts';
import type { Conditions, Variant, Workload } from './workloads/workload.ts';
import { QUICK_WORKLOADS, WORKLOADS } from './workloads.ts';

const ALL = 'all';

const readNames = (text: string): Reading<readonly string[]> => {
  const names = text.split(',').map((name) => name.trim()).filter((name) => name !== '');
  return names.length > 0 ? { ok: true, value: names } : { ok: false, expected: 'names separated by commas' };
};

const BENCH_OPTIONS = {
  pairs: option({ value: 'N', help: 'Runs of each variant, in the order A B B A …. Default: the workload\'s own', fallback: null, read: readCount(1, 100) }),
  only: option({ value: 'LIST', help: 'Only these variants, separated by commas, such as hooktail,ceiling', fallback: null, read: readNames }),
  events: option({ value: 'N', help: 'Events of a run, after the warm-up. Default: the workload\'s own', fallback: null, read: readCount(100, 5_000_000) }),
  senders: option({ value: 'N', help: 'Senders at once in a closed loop, each with a connection of its own. Default: the workload\'s own', fallback: null, read: readCount(1, 2_000) }),
  seconds: option({ value: 'N', help: 'Length of an open loop. Default: the workload\'s own', fallback: null, read: readCount(1, 86_400) }),
  rate: option({ value: 'N', help: 'What counts as all that the system can do, in events a second. Default: measured first', fallback: null, read: readCount(1, 1_000_000) }),
  profile: option({ value: 'DIR', help: 'Writes CPU profiles of the programs there', fallback: null, read: anyText }),
  quick: flag(`Small numbers, one pair; without a name ${QUICK_WORKLOADS.map(({ name }) => name).join(', ')}. Exits 1 when a count is above its limit in bench/limits.json`),
  json: option({ value: 'FILE', help: 'Writes everything as JSON; - for standard output, instead of the tables', fallback: null, read: anyText }),
  html: option({ value: 'FILE', help: 'Writes a page with plots', fallback: null, read: anyText }),
} as const;

export const BENCH_HELP: HelpPage = {
  examples: ['npm run bench -- --quick', 'npm run bench -- peak --pairs 7 --html report.html', 'npm run bench -- peak --only hooktail,bullmq --senders 32', 'npm run bench -- all --json results.json'],
  summary: 'Measures the whole system, its ceiling (the same HTTP side and sender with nothing but memory between) and its peers, each as a fresh installation of real processes.',
  options: BENCH_OPTIONS,
  notes: [
    `Workloads, by name or code; ${peak.name} without one, ${ALL} for every one:\n${WORKLOADS.map(({ code, name, summary }) => `  ${code.padEnd(4)} ${name.padEnd(13)} ${summary}`).join('\n')}`,
    'A run in which accepted, stored and delivered events are not the same prints no figure. Rates depend on the machine, ratios of one pair much less, counts on neither, so only counts have limits.',
  ],
};

/** A workload with those of its variants that are wanted. */
export interface PlannedWorkload {
  readonly workload: Workload;
  readonly variants: readonly Variant[];
  readonly pairs: number;
}

export interface BenchPlan {
  readonly workloads: readonly PlannedWorkload[];
  readonly conditions: Omit<Conditions, 'signal' | 'progress'>;
  readonly jsonPath: string | null;
  readonly htmlPath: string | null;
}

/** Null when help was asked for. @throws ToolError (exit 2) */
export function readPlan(argv: readonly string[]): BenchPlan | null {
  const firstOption = argv.findIndex((word) => word.startsWith('-'));
  const names = firstOption === -1 ? argv : argv.slice(0, firstOption);
  const parsed = parseArguments(argv.slice(names.length), BENCH_OPTIONS);
  return parsed.kind === 'help' ? null : planOf(parsed.values, names);
}

function planOf({ pairs, only, events, senders, seconds, rate, profile, quick, json, html }: ValuesOf<typeof BENCH_OPTIONS>, names: readonly string[]): BenchPlan {
  const workloads = names.length === 0 ? (quick ? QUICK_WORKLOADS : [peak]) : names.includes(ALL) ? WORKLOADS : names.map(workloadNamed);
  return {
    workloads: workloads.map((workload) => ({ workload, variants: variantsOf(workload, only), pairs: pairs ?? (quick ? 1 : workload.pairs) })),
    conditions: { quick, events, senders, seconds, rate, profileDir: profile },
    jsonPath: json,
    htmlPath: html,
  };
}

function workloadNamed(name: string): Workload {
  const found = WORKLOADS.find((workload) => workload.name === name || workload.code.toLowerCase() === name.toLowerCase());
  if (found === undefined) throw usageError(`Workload: expected ${WORKLOADS.map((workload) => workload.name).join(', ')} or ${ALL}, got ${JSON.stringify(name)}`);
  return found;
}

function variantsOf({ name, variants }: Workload, only: readonly string[] | null): readonly Variant[] {
  const unknown = only?.filter((wanted) => !variants.some((variant) => variant.name === wanted)) ?? [];
  if (unknown.length > 0) throw usageError(`--only: expected some of ${variants.map((variant) => variant.name).join(', ')} for ${name}, got ${unknown.join(', ')}`);
  return variants.filter((variant) => only === null || only.includes(variant.name));
}
