/**
 * Command line options as a table, over core `parseArgs`: each row says how its text is read, so that every fault is told at
 * once and by name, and so that the help never differs from what is accepted. `--help` and `-h` come by themselves.
 */
import { parseArgs } from 'node:util';
import type { Reading } from '../../src/runtime/config-values.ts';
import { usageError } from './tool-error.ts';

export interface OptionRow<T> {
  readonly short: string | null;
  /** What stands for the value in the help; null for a flag, which takes none. */
  readonly value: string | null;
  readonly help: string;
  /** From all the texts given for the option, in order; an empty list when it was not given. */
  readonly read: (texts: readonly string[]) => Reading<T>;
}

export type OptionTable = Readonly<Record<string, OptionRow<unknown>>>;
/** What a table reads to: one value for each row. */
export type ValuesOf<Table> = { readonly [Name in keyof Table]: Table[Name] extends OptionRow<infer T> ? T : never };
export type Parsed<Values> = { readonly kind: 'help' } | { readonly kind: 'run'; readonly values: Values };

export interface OptionSettings<T, Fallback> {
  readonly value: string;
  readonly help: string;
  readonly short?: string;
  readonly fallback: Fallback;
  readonly read: (text: string) => Reading<T>;
}

/** An option with one value; given twice, the last one counts. */
export function option<T, Fallback = T>({ value, help, short = '', fallback, read }: OptionSettings<T, Fallback>): OptionRow<T | Fallback> {
  const readLast = (texts: readonly string[]): Reading<T | Fallback> => {
    const text = texts.at(-1);
    return text === undefined ? { ok: true, value: fallback } : read(text);
  };
  return { short: short === '' ? null : short, value, help, read: readLast };
}

/** An option that may be given several times. */
export function repeated<T>({ value, help, read }: Pick<OptionSettings<T, never>, 'value' | 'help' | 'read'>): OptionRow<readonly T[]> {
  return { short: null, value, help, read: (texts) => allOf(texts.map(read)) };
}

export const flag = (help: string): OptionRow<boolean> => ({
  short: null,
  value: null,
  help,
  read: (texts) => ({ ok: true, value: texts.length > 0 }),
});

/** Any text, as it stands. */
export const anyText = (text: string): Reading<string> => ({ ok: true, value: text });

/** @throws ToolError (exit 2) that lists every fault by option name. */
export function parseArguments<Table extends OptionTable>(argv: readonly string[], table: Table): Parsed<ValuesOf<Table>> {
  const given = split(argv, table);
  if (given.has('help')) return { kind: 'help' };
  const faults: string[] = [];
  const entries = Object.entries(table).map(([name, row]) => {
    const texts = given.get(name) ?? [];
    const reading = row.read(texts);
    if (!reading.ok) faults.push(`--${name}: expected ${reading.expected}, got ${texts.map((text) => JSON.stringify(text)).join(' ')}`);
    return [name, reading.ok ? reading.value : undefined] as const;
  });
  if (faults.length > 0) throw usageError(faults.join('\n'));
  return { kind: 'run', values: Object.fromEntries(entries) as ValuesOf<Table> };
}

function split(argv: readonly string[], table: OptionTable): ReadonlyMap<string, readonly string[]> {
  const rows = Object.entries(table).map(([name, { short, value }]) => [name, { type: value === null ? 'boolean' : 'string', multiple: true, ...(short === null ? {} : { short }) }] as const);
  try {
    const { values } = parseArgs({ args: [...argv], options: { ...Object.fromEntries(rows), help: { type: 'boolean', short: 'h', multiple: true } }, allowPositionals: false });
    return new Map(Object.entries(values).map(([name, texts]) => [name, [texts].flat().map(String)]));
  } catch (error) {
    if (!isParseError(error)) throw error;
    // The rest of the message is advice about positional arguments, which none of the tools takes here.
    throw usageError(error.message.split(/\. |\n/, 1)[0] ?? error.message);
  }
}

const isParseError = (error: unknown): error is Error => error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');

function allOf<T>(readings: readonly Reading<T>[]): Reading<readonly T[]> {
  const values: T[] = [];
  for (const reading of readings) {
    if (!reading.ok) return reading;
    values.push(reading.value);
  }
  return { ok: true, value: values };
}
