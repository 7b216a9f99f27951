/** A command line tool, run in this process: what it printed, and how it ended. */
import { systemClock } from '../../src/runtime/clock.ts';
import type { Environment } from '../../src/runtime/config.ts';
import { runToEnd, type Tool, type ToolContext } from '../../tools/cli/context.ts';

export interface ToolRun {
  readonly code: number;
  readonly lines: readonly string[];
  readonly notes: readonly string[];
}

export interface ToolRunOptions {
  readonly signal?: AbortSignal;
  /** Sees each line as it comes. */
  readonly onLine?: (line: string) => void;
}

export async function runToolWith(tool: Tool, environment: Environment, argv: readonly string[], { signal = new AbortController().signal, onLine = () => undefined }: ToolRunOptions = {}): Promise<ToolRun> {
  const [lines, notes]: [string[], string[]] = [[], []];
  const context: ToolContext = {
    argv, environment, signal,
    folder: '/nowhere',
    clock: systemClock,
    random: () => 0.5,
    out: (line) => {
      lines.push(line);
      onLine(line);
    },
    note: (line) => notes.push(line),
    progress: () => undefined,
    paint: (_colour, text) => text,
    readStdin: () => Promise.resolve(Buffer.alloc(0)),
  };
  return { code: await runToEnd(tool, context), lines, notes };
}
