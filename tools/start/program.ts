/**
 * One of our programs, kept running as a child. It has a process group of its own, so that Ctrl-C reaches only us and we end
 * things in their order, and a channel to us, so that it ends when we are gone, however that came. Killed by a signal, it is
 * started again; ended by a fault of its own, it has said why and everything ends.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { StartedMessage } from '../../src/runtime/program.ts';

export interface ProgramOptions {
  readonly name: string;
  /** From the project's root. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly note: (line: string) => void;
  /** It ended by a fault and will not come back. */
  readonly onFailed: (name: string) => void;
}

export interface Program {
  readonly pid: number;
  readonly url: string | null;
  stop(): Promise<void>;
  kill(): void;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Resolves once it says that it runs. @throws when it ends before that */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { name, note, onFailed } = options;
  let child = spawnProgram(options);
  let stopping = false;
  const started = await untilStarted(child, name);
  child.once('exit', ended);

  function ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (stopping) return;
    if (signal === null) {
      onFailed(`${name} ended with exit code ${code ?? 1}`);
      return;
    }
    note(`${name} was ended by ${signal}; starting it again`);
    child = spawnProgram(options);
    child.once('exit', ended);
  }

  return {
    get pid() {
      return child.pid ?? 0;
    },
    url: started.url,
    async stop() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

const spawnProgram = ({ script, args = [], env }: ProgramOptions): ChildProcess =>
  spawn(process.execPath, ['--import', 'tsx', script, ...args], { cwd: ROOT, env, detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });

function untilStarted(child: ChildProcess, name: string): Promise<StartedMessage> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as StartedMessage));
    child.once('exit', () => reject(new Error(`${name} did not start; it says why above`)));
  });
}
