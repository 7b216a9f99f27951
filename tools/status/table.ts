/** Columns that line up on a terminal, coloured or not: the colour of a cell does not count as its width. Pure. */
import type { Colour, ToolContext } from '../cli/context.ts';

export type Cell = string | { readonly text: string; readonly colour: Colour };

export interface Column {
  readonly head: string;
  readonly right?: true;
}

export function tableLines(columns: readonly Column[], rows: readonly (readonly Cell[])[], paint: ToolContext['paint']): readonly string[] {
  const all: readonly (readonly Cell[])[] = [columns.map(({ head }) => ({ text: head, colour: 'dim' as const })), ...rows];
  const widths = columns.map((_, column) => Math.max(...all.map((row) => textOf(row[column]).length)));
  return all.map((row) => `  ${columns.map(({ right }, column) => padded(row[column], widths[column] ?? 0, right === true, paint)).join('  ')}`.trimEnd());
}

const textOf = (cell: Cell | undefined): string => (typeof cell === 'object' ? cell.text : (cell ?? ''));

function padded(cell: Cell | undefined, width: number, right: boolean, paint: ToolContext['paint']): string {
  const text = textOf(cell);
  const space = ' '.repeat(width - text.length);
  const shown = typeof cell === 'object' && text !== '' ? paint(cell.colour, text) : text;
  return right ? space + shown : shown + space;
}
