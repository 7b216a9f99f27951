/** The options of `npm run torture`, and the order that they make. */
import { randomInt } from 'node:crypto';
import { readCount, type Reading } from '../src/runtime/config-values.ts';
import { anyText, flag, option, parseArguments, type ValuesOf } from '../tools/cli/arguments.ts';
import type { HelpPage } from '../tools/cli/help.ts';
import { usageError } from '../tools/cli/tool-error.ts';

export const MIXED = 'mixed';
const ALL = 'all';
const DEFAULT_MINUTES = 1;
const DEFAULT_PROCESSORS = 3;
const DEFAULT_RATE = 200;
const MOST_SEED = 2 ** 31;

const readNames = (text: string): Reading<readonly string[]> => {
  const names = text.split(',').map((name) => name.trim()).filter((name) => name !== '');
  return names.length > 0 ? { ok: true, value: names } : { ok: false, expected: 'names separated by commas; --list shows them' };
};

const readNodes = (text: string): Reading<1 | 3> => (text === '1' ? { ok: true, value: 1 } : text === '3' ? { ok: true, value: 3 } : { ok: false, expected: '1 or 3' });

/** Minutes with up to two decimals: a check may last a few seconds only. */
const readMinutes = (text: string): Reading<number> => {
  const value = /^\d{1,4}(\.\d{1,2})?$/.test(text) ? Number(text) : NaN;
  return value >= 0.1 && value <= 1_440 ? { ok: true, value } : { ok: false, expected: 'minutes from 0.1 to 1440' };
};

const TORTURE_OPTIONS = {
  seed: option({ value: 'N', help: 'Repeats the plan of an earlier run. Default: a random one, always printed', fallback: null, read: readCount(0, MOST_SEED) }),
  minutes: option({ value: 'M', help: `How long faults are injected. Default ${DEFAULT_MINUTES}`, fallback: DEFAULT_MINUTES, read: readMinutes }),
  nodes: option({ value: '1|3', help: 'MongoDB nodes. Default 1', fallback: 1 as const, read: readNodes }),
  processors: option({ value: 'N', help: `Processors. Default ${DEFAULT_PROCESSORS}`, fallback: DEFAULT_PROCESSORS, read: readCount(1, 20) }),
  rate: option({ value: 'N', help: `Events offered per second. Default ${DEFAULT_RATE}`, fallback: DEFAULT_RATE, read: readCount(1, 5_000) }),
  faults: option({ value: 'LIST', help: 'Only these faults, separated by commas. Default: all that fit', fallback: null, read: readNames }),
  scenario: option({ value: 'LIST', help: `Named scenarios instead of the plan, separated by commas, or ${ALL}; the options above, but for --seed, are for the plan only`, fallback: null, read: readNames }),
  runs: option({ value: 'N', help: 'Repeats each, with the seed counted on. Default 1', fallback: 1, read: readCount(1, 1_000) }),
  keep: option({ value: 'DIR', help: 'Keeps the evidence of every run there: ledgers, notes, logs, the report', fallback: null, read: anyText }),
  json: flag('One JSON object at the end instead of the table'),
  list: flag('Lists the faults and the scenarios'),
} as const;

export const TORTURE_HELP: HelpPage = {
  examples: ['npm run torture', 'npm run torture -- --minutes 10 --nodes 3', 'npm run torture -- --seed 7 --faults processor-kill,mongod-kill', 'npm run torture -- --scenario all --runs 3 --keep evidence'],
  summary: 'Hurts a whole installation while events come in, lets it heal, and compares what was acknowledged, what is stored and what was received.',
  options: TORTURE_OPTIONS,
  notes: [
    'It starts its own MongoDB, server, processors and receiver, and ends them all. A duplicate is a request for a delivery that was answered 2xx before, or that repeats an attempt\'s number; allowed are 50 (GLOBAL_CONCURRENCY) for each interruption of a processor.',
    'A stall is the longest time without a request to a target that was owed one.',
    'Exits 0 when nothing was lost and nothing else is wrong, 1 otherwise.',
  ],
};

/** What the plan of the mixed run is made from. */
export interface MixedOrder {
  readonly minutes: number;
  readonly nodes: 1 | 3;
  readonly processors: number;
  readonly rate: number;
  /** Null: all that fit. */
  readonly faults: readonly string[] | null;
}

export interface TortureOrder {
  readonly kind: 'run';
  readonly seed: number;
  readonly runs: number;
  /** Names; `mixed` is the run that follows the plan. */
  readonly scenarios: readonly string[];
  readonly mixed: MixedOrder;
  readonly keepDir: string | null;
  readonly json: boolean;
}

export type Order = TortureOrder | { readonly kind: 'help' } | { readonly kind: 'list' };

/** What there is to choose from. */
export interface Known {
  readonly scenarios: readonly string[];
  readonly faults: readonly string[];
}

/** @throws ToolError (exit 2) */
export function readOrder(argv: readonly string[], known: Known): Order {
  const parsed = parseArguments(argv, TORTURE_OPTIONS);
  if (parsed.kind === 'help') return parsed;
  return parsed.values.list ? { kind: 'list' } : orderOf(parsed.values, known);
}

function orderOf({ seed, minutes, nodes, processors, rate, faults, scenario, runs, keep, json }: ValuesOf<typeof TORTURE_OPTIONS>, known: Known): TortureOrder {
  const names = scenario === null ? [MIXED] : scenario.includes(ALL) ? known.scenarios : scenario;
  requireKnown('scenario', names, [...known.scenarios, MIXED]);
  requireKnown('faults', faults ?? [], known.faults);
  return { kind: 'run', seed: seed ?? randomInt(MOST_SEED), runs, scenarios: names, mixed: { minutes, nodes, processors, rate, faults }, keepDir: keep, json };
}

function requireKnown(option: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw usageError(`--${option}: expected some of ${known.join(', ')}, got ${unknown.join(', ')}`);
}

/** The command that repeats one run alone. */
export function commandFor(scenario: string, seed: number, { minutes, nodes, processors, rate, faults }: MixedOrder): string {
  if (scenario !== MIXED) return `npm run torture -- --scenario ${scenario} --seed ${seed}`;
  return `npm run torture -- --seed ${seed} --minutes ${minutes} --nodes ${nodes} --processors ${processors} --rate ${rate}${faults === null ? '' : ` --faults ${faults.join(',')}`}`;
}
