/**
 * One process of a run. It shares nothing with us but a channel: calls go over it, and it ends with us, however we end. It
 * sees a clean environment and no `.env`, so that every machine measures the same settings.
 *
 * States: running → ended. Whoever waits for a call or a line when it ends hears of it.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deadline } from './deadline.ts';
import type { CallName, Calls, Reply } from './calls.ts';

export interface ChildOptions {
  /** From the repository's root. */
  readonly script: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Writes CPU profiles into a folder of its own there when it ends; the main thread's is the largest. */
  readonly profileDir?: string | null;
}

const BENCH = fileURLToPath(new URL('../', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LINE_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 30_000;

export class Child {
  readonly pid: number;
  readonly #script: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #died: Promise<never>;
  #output = '';

  constructor(options: ChildOptions) {
    const { script } = options;
    this.#script = script;
    this.#process = start(options);
    this.pid = this.#process.pid ?? 0;
    this.#process.on('error', () => undefined); // A channel that broke; the exit that follows is what counts.
    this.#exited = new Promise((resolve) => this.#process.once('close', resolve));
    this.#died = this.#exited.then(() => { throw new Error(`${script} ended before its time:\n${this.#output.slice(-2_000).trimEnd()}`); });
    this.#died.catch(() => undefined); // Told to those who wait; after an orderly end nobody does.
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.#output += chunk.toString('utf8')));
  }

  /** Asks, and waits for the answer; one call at a time. */
  async ask<Name extends CallName>(call: Name, input: Calls[Name][0]): Promise<Calls[Name][1]> {
    const answered = once(this.#process, 'message') as Promise<[Reply]>;
    this.#process.send({ call, input });
    const [reply] = await Promise.race([answered, this.#died]);
    if (!reply.ok) throw new Error(`${this.#script}: ${reply.error}`);
    return reply.value as Calls[Name][1];
  }

  /** Resolves with the first log line that holds the text. */
  async line(text: string): Promise<string> {
    const find = (): string | undefined => this.#output.split('\n').slice(0, -1).find((line) => line.includes(text));
    const seen = async (): Promise<string> => {
      for (let found = find(); ; found = find()) {
        if (found !== undefined) return found;
        await once(this.#process.stderr ?? this.#process, 'data');
      }
    };
    return deadline(Promise.race([seen(), this.#died]), { what: `${this.#script} to log ${text}`, ms: LINE_TIMEOUT_MS });
  }

  /** Asks it to end, and cuts it off when it does not; safe twice. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill(signal);
    await deadline(this.#exited, { what: `${this.#script} to end`, ms: END_TIMEOUT_MS }).catch(() => this.#process.kill('SIGKILL'));
    await this.#exited;
  }
}

function start({ script, environment = {}, profileDir = null }: ChildOptions): ChildProcess {
  const { PATH, HOME, TMPDIR } = process.env;
  // A name of ours would be shared by the main thread and tsx's own, and the last one would win.
  const profile = profileDir === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(resolve(profileDir), basename(script, '.ts'))}`];
  return fork(ROOT + script, { cwd: BENCH, execArgv: ['--import', 'tsx', ...profile], serialization: 'advanced', env: { PATH, HOME, TMPDIR, ...environment }, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
}
