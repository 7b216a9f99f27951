/**
 * One mongod: a fixed port and folder, and a process that can be killed, paused and started again.
 *
 * States: stopped → running → stopped. A running one lives under guard.sh, so it ends with us even when we are killed.
 * `start()` resolves once this mongod, and not a stranger on the same port, accepts connections.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { askNode } from './ask-node.ts';
import { firstLine } from './first-line.ts';
import { mongodArguments, type MongodSettings } from './mongod-settings.ts';
import { accepts } from './ports.ts';
import { MongodStartError, portTaken, readFailure } from './start-error.ts';
import { bounded, waitUntil } from './wait.ts';

export interface MongoNode {
  readonly port: number;
  /** Of mongod itself, not of its guard; the last one while stopped. */
  readonly pid: number;
  readonly dbPath: string;
  readonly running: boolean;
  /** SIGKILL unless told otherwise; resolves once mongod has exited. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** The same port and folder again; resolves when it accepts connections. */
  start(): Promise<void>;
  /** SIGSTOP: alive and connected, but silent. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

type Running = { readonly kind: 'running'; readonly guard: ChildProcessByStdio<Writable, Readable, null>; readonly exited: Promise<number> };
type State = { readonly kind: 'stopped' } | Running;

const guard = fileURLToPath(new URL('guard.sh', import.meta.url));
const readyTimeoutMs = 30_000;
/** After an unclean end mongod first applies what it has logged since its last checkpoint, for as long as that takes. */
const recoveryTimeoutMs = 600_000;
const slowMs = 5_000;
const exitTimeoutMs = 30_000;

export class MongodProcess implements MongoNode {
  readonly #settings: MongodSettings;
  #state: State = { kind: 'stopped' };
  #pid = 0;
  #starts = 0;

  constructor(settings: MongodSettings) {
    this.#settings = settings;
  }

  get port(): number { return this.#settings.port; }
  get dbPath(): string { return this.#settings.dbPath; }
  get pid(): number { return this.#pid; }
  get running(): boolean { return this.#state.kind === 'running'; }

  async start(signal?: AbortSignal): Promise<void> {
    if (this.#state.kind === 'running') return;
    await this.#prepareFolder();
    const isRecovering = existsSync(join(this.dbPath, 'WiredTiger'));
    const running = this.#spawnGuard();
    try {
      this.#pid = Number(await firstLine(running.guard, 'the pid of mongod'));
      await this.#accepting(running, isRecovering ? recoveryTimeoutMs : readyTimeoutMs, signal);
    } catch (error) {
      running.guard.stdin.destroy();
      await bounded(running.exited, { what: 'a failed mongod to exit', timeoutMs: exitTimeoutMs, signal: undefined });
      throw error;
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#state.kind === 'stopped') return;
    const { exited } = this.#state;
    this.#send(signal);
    this.#send('SIGCONT'); // A paused mongod would keep any other signal waiting.
    await bounded(exited, { what: `mongod ${this.#pid} to exit after ${signal}`, timeoutMs: exitTimeoutMs, signal: undefined });
  }

  /** SIGTERM, and SIGKILL for one that does not close its files in time. */
  async close(): Promise<void> {
    try {
      await this.kill('SIGTERM');
    } catch {
      await this.kill('SIGKILL');
    }
  }

  pause(): void { this.#send('SIGSTOP'); }
  resume(): void { this.#send('SIGCONT'); }

  /** The guard tells us of the exit a moment after it happened, so the process may be gone already. */
  #send(signal: NodeJS.Signals): void {
    if (this.#state.kind === 'stopped') return;
    try {
      process.kill(this.#pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  get #logPath(): string { return join(this.#settings.dbPath, 'mongod.log'); }

  /**
   * Earlier logs tell why a run ended. Of kept data only the last one is kept, since it would grow without end; of data that
   * goes with us all, numbered.
   */
  async #prepareFolder(): Promise<void> {
    await mkdir(this.#settings.dbPath, { recursive: true });
    const name = this.#settings.graceSeconds > 0 ? 'previous' : String(this.#starts);
    this.#starts += 1;
    await rename(this.#logPath, `${this.#logPath}.${name}`).catch(() => undefined);
  }

  #spawnGuard(): Running {
    const { binary, graceSeconds, env } = this.#settings;
    // Detached: a Ctrl-C in the terminal reaches us alone, and we stop things in our own order.
    const args = [guard, String(graceSeconds), this.#logPath, binary, ...mongodArguments(this.#settings)];
    const child = spawn('/bin/sh', args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true, env: { ...process.env, ...env } });
    child.unref();
    child.stdin.on('error', () => undefined); // The guard is gone; its exit says so.
    const exited = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : 1), () => 1).finally(() => { this.#state = { kind: 'stopped' }; });
    const running: Running = { kind: 'running', guard: child, exited };
    this.#state = running;
    return running;
  }

  async #accepting(running: Running, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#listening(running, timeoutMs, signal);
    // Two launchers may have picked the same free port: the loser's mongod exits, and the other's answers here.
    const folder = await askNode(this.port, async (admin) => (await admin.command({ getCmdLineOpts: 1 }))['parsed'] as { storage?: { dbPath?: string } });
    if (folder.storage?.dbPath !== this.dbPath) throw new MongodStartError(`Port ${this.port} is taken by another mongod`, portTaken);
  }

  async #listening({ exited }: Running, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    let exitCode: number | undefined;
    void exited.then((code) => { exitCode = code; });
    const slow = setTimeout(() => this.#settings.note(`mongod on port ${this.port} is not listening yet: after an unclean end it recovers its data first`), slowMs);
    try {
      await waitUntil(async () => {
        if (exitCode !== undefined) throw await this.#startFailure(exitCode);
        return (await accepts(this.port)) ? true : undefined;
      }, { what: `mongod on port ${this.port} to accept connections`, timeoutMs, signal });
    } finally {
      clearTimeout(slow);
    }
  }

  async #startFailure(code: number): Promise<MongodStartError> {
    const log = await readFile(this.#logPath, 'utf8').catch(() => '');
    const taken = code === 48 || log.includes('Address already in use');
    const message = `mongod exited with code ${code} while starting on port ${this.port}, folder ${this.dbPath}; its log says:\n${readFailure(log)}`;
    return new MongodStartError(message, taken ? portTaken : 'failed');
  }
}
