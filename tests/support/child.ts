/** One of our programs as a process of its own: what it prints, and ways to end it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../src/runtime/config.ts';
import { eventually } from './eventually.ts';

export interface Child {
  readonly pid: number;
  /** All it has printed, both outputs. */
  readonly output: () => string;
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Resolves with the first line that holds the text. */
  line(text: string, timeoutMs?: number): Promise<string>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Closes the channel between us, as our own end would. */
  disconnect(): void;
  /** Ends it if it still runs. */
  end(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** @param preloads modules that run in the child before the program does, each a file URL */
export function startChild(program: 'server' | 'processor', env: Environment, preloads: readonly string[] = []): Child {
  const imports = ['tsx', ...preloads].flatMap((specifier) => ['--import', specifier]);
  return watchChild(spawn(process.execPath, [...imports, `src/${program}.ts`], { cwd: ROOT, env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }));
}

/** Only what the test says: nothing of ours leaks in from the shell it runs in. */
const cleanEnvironment = (env: Environment): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'], ...env });

export function watchChild(child: ChildProcess): Child {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const exit = once(child, 'exit').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }));
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;

  async function kill(signal: NodeJS.Signals): Promise<void> {
    child.kill(signal);
    await exit;
  }

  return {
    pid: child.pid ?? 0,
    output: () => output,
    exit,
    kill,
    disconnect: () => child.disconnect(),
    end: async () => (isRunning() ? kill('SIGKILL') : undefined),
    line: (text, timeoutMs = 20_000) =>
      eventually(() => {
        const found = output.split('\n').find((line) => line.includes(text));
        if (found === undefined) throw new Error(`Expected a line with ${text}, got:\n${output.slice(-2_000)}`);
        return found;
      }, { timeoutMs, everyMs: 10 }),
  };
}
