/** The options of `npm run bench`, and the plan that they make. */
import { anyText, flag, option, parseArguments, type ValuesOf } from '../tools/cli/arguments.ts';
import type { HelpPage } from '../tools/cli/help.ts';
import { usageError } from '../tools/cli/tool-error.ts';
import { readCount, readWord } from '../src/runtime/config-values.ts';
import { QUICK_EVENTS, WORKLOADS, WORKLOAD_NAMES, type Workload, type WorkloadName } from './workloads.ts';

const DEFAULT_PAIRS = 4;

export const SIDES = ['hooktail', 'ceiling'] as const;
export type Side = (typeof SIDES)[number];

const BENCH_OPTIONS = {
  events: option({ value: 'N', help: 'Events of a run, after the warm-up. Default: the workload\'s own', fallback: null, read: readCount(100, 1_000_000) }),
  senders: option({ value: 'N', help: 'Senders at once, each with a connection of its own. Default: the workload\'s own', fallback: null, read: readCount(1, 2_000) }),
  pairs: option({ value: 'N', help: `Pairs of runs, in the order A B B A …. Default ${DEFAULT_PAIRS}`, fallback: DEFAULT_PAIRS, read: readCount(1, 50) }),
  only: option({ value: 'SIDE', help: `${SIDES.join(' or ')}: leaves the other side of every pair out`, fallback: null, read: readWord(SIDES) }),
  profile: option({ value: 'DIR', help: 'Writes a CPU profile of the server, the processor and the ceiling there', fallback: null, read: anyText }),
  quick: flag(`One pair of ${QUICK_EVENTS} events; exits 1 when a count is above its limit in bench/limits.json`),
  json: flag('One JSON object at the end instead of tables'),
} as const;

export const BENCH_HELP: HelpPage = {
  examples: ['npm run bench', 'npm run bench -- steady --quick', 'npm run bench -- steady --events 20000 --pairs 2 --json'],
  summary: 'Measures the whole system against its ceiling: the same HTTP server and the same sender with nothing but memory between them.',
  options: BENCH_OPTIONS,
  notes: [
    `Workloads: ${WORKLOAD_NAMES.map((name) => `${name} (${WORKLOADS[name].summary})`).join(', ')}.`,
    'Rates depend on the machine, and the ratio to the ceiling much less. Counts depend on neither, so only they have limits.',
  ],
};

export interface BenchPlan {
  readonly workload: Workload;
  readonly pairs: number;
  readonly sides: readonly Side[];
  readonly profileDir: string | null;
  /** Whether counts are held against their limits. */
  readonly checksLimits: boolean;
  readonly json: boolean;
}

/** Null when help was asked for. @throws ToolError (exit 2) */
export function readPlan(argv: readonly string[]): BenchPlan | null {
  const [first = ''] = argv;
  const named = first !== '' && !first.startsWith('-');
  const parsed = parseArguments(named ? argv.slice(1) : argv, BENCH_OPTIONS);
  return parsed.kind === 'help' ? null : planOf(parsed.values, named ? readWorkload(first) : 'steady');
}

function readWorkload(text: string): WorkloadName {
  const reading = readWord(WORKLOAD_NAMES)(text);
  if (!reading.ok) throw usageError(`Workload: expected ${reading.expected}, got ${JSON.stringify(text)}`);
  return reading.value;
}

function planOf({ events, senders, pairs, only, profile, quick, json }: ValuesOf<typeof BENCH_OPTIONS>, name: WorkloadName): BenchPlan {
  const own: Workload = WORKLOADS[name];
  const workload = { ...own, events: events ?? (quick ? QUICK_EVENTS : own.events), senders: senders ?? own.senders };
  return { workload, pairs: quick ? 1 : pairs, sides: only === null ? SIDES : [only], profileDir: profile, checksLimits: quick, json };
}
