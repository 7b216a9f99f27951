/** The help of a tool: examples first, because that is what people read; then every option of its table. */
import type { OptionTable } from './arguments.ts';

export interface HelpPage {
  readonly examples: readonly string[];
  readonly summary: string;
  readonly options: OptionTable;
  /** Paragraphs after the options, such as the exit codes. */
  readonly notes?: readonly string[];
}

export function helpText({ examples, summary, options, notes = [] }: HelpPage): string {
  const rows = [...Object.entries(options).map(([name, row]) => [labelOf(name, row), row.help] as const), ['--help', 'Shows this'] as const];
  const width = Math.max(...rows.map(([label]) => label.length));
  return [
    ...examples.map((example) => `  ${example}`),
    '',
    summary,
    '',
    ...rows.map(([label, help]) => `  ${label.padEnd(width)}  ${help}`),
    ...notes.flatMap((note) => ['', note]),
  ].join('\n');
}

function labelOf(name: string, { short, value }: { readonly short: string | null; readonly value: string | null }): string {
  const option = `${short === null ? '' : `-${short}, `}--${name}`;
  return value === null ? option : `${option} ${value}`;
}
