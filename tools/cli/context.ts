/**
 * Everything a tool touches outside itself, so that tests can run one without a process: arguments, environment, clock, output.
 * Data goes to stdout, notes and progress to stderr; colour and progress only on a terminal (`NO_COLOR` is obeyed).
 *
 * The first Ctrl-C (or SIGTERM) aborts `signal`: the tool finishes what is in flight and sums up. The second ends it at once.
 */
import { buffer } from 'node:stream/consumers';
import { styleText } from 'node:util';
import { systemClock, type Clock } from '../../src/runtime/clock.ts';
import { readEnvironment, type Environment } from '../../src/runtime/config.ts';
import { describeFault } from '../../src/runtime/errors.ts';
import { systemRandom, type Random } from '../../src/runtime/random.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { ToolError } from './tool-error.ts';

export type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'dim';

export interface ToolContext {
  readonly argv: readonly string[];
  readonly environment: Environment;
  /** Where `.env` and `.data` are looked for. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** One line of data. */
  readonly out: (line: string) => void;
  /** One line for the person at the terminal. */
  readonly note: (line: string) => void;
  /** Rewrites one line of a terminal; does nothing elsewhere. An empty text removes it. */
  readonly progress: (text: string) => void;
  /** Colours a text meant for `out`. */
  readonly paint: (colour: Colour, text: string) => string;
  readonly readStdin: () => Promise<Buffer>;
}

export type Tool = (context: ToolContext) => Promise<ExitCode>;

/** Runs a tool; whatever it throws becomes one line and an exit code. */
export async function runToEnd(tool: Tool, context: ToolContext): Promise<ExitCode> {
  try {
    return await tool(context);
  } catch (error) {
    context.progress('');
    context.note(describeFault(error));
    return error instanceof ToolError ? error.exitCode : EXIT.someFailed;
  }
}

/** Runs a tool as this process. */
export async function runTool(tool: Tool): Promise<void> {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  process.stdout.on('error', endQuietly);
  // The code is set, not exited with: output to a pipe is still being written.
  process.exitCode = await runToEnd(tool, systemContext(interrupt.signal));
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
}

function systemContext(signal: AbortSignal): ToolContext {
  return {
    argv: process.argv.slice(2),
    environment: readEnvironment(),
    folder: process.cwd(),
    clock: systemClock,
    random: systemRandom,
    signal,
    out: (line) => process.stdout.write(`${line}\n`),
    note: (line) => process.stderr.write(`${line}\n`),
    progress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
    },
    paint: (colour, text) => styleText(colour, text, { stream: process.stdout }),
    readStdin: () => buffer(process.stdin),
  };
}

/** `| head` closes the pipe: nobody reads on, so there is nothing left to do. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.done);
}
