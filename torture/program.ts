/**
 * One server or processor as a process of its own, and every way to hurt it. It ends with us, by the channel between us.
 *
 *   stopped → starting → running ⇄ frozen → stopped       an end that nobody asked for is `helpNeeded`
 *
 * It counts by itself how often it may have left attempts in doubt (`interruptions`): a SIGKILL, a freeze so long that attempts
 * ran out of time or its lease could pass, a session that it says it has lost, a SIGTERM that outlasted its grace because the
 * database was away. Any other SIGTERM is none: what runs is seen through.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, writeFileSync, type WriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deadline } from '../bench/lab/deadline.ts';
import type { Environment } from '../src/runtime/config.ts';
import { freeze } from './freeze.ts';
import { now } from './ledger.ts';

export type ProgramKind = 'server' | 'processor';

export interface ProgramOptions {
  readonly kind: ProgramKind;
  /** In reports and logs, and of a processor also its name in the fleet. */
  readonly name: string;
  readonly env: Environment;
  /** All it says is appended there. */
  readonly logPath: string;
  /** Where libfaketime reads this program's clock from; null when its clock is left alone. */
  readonly clockPath: string | null;
}

/** One line of its log. */
export interface LogLine {
  readonly event: string;
  /** When it was read here. */
  readonly atMs: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly tookMs: number;
}

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const START_TIMEOUT_MS = 60_000;
/** SHUTDOWN_GRACE_MS of every program: one that needs all of it gives up on what it could not write. */
export const GRACE_MS = 20_000;
const STOP_TIMEOUT_MS = 60_000;
/** With answers of at most 3 s and a deadline of 10 s, a shorter freeze changes nothing for attempts or lease. */
const HARMLESS_FREEZE_MS = 6_000;

export class Program {
  readonly name: string;
  readonly kind: ProgramKind;
  /** What was said of its own accord, oldest first, over all its lives. */
  readonly lines: LogLine[] = [];
  readonly helpNeeded: string[] = [];
  #cuts = 0;
  #longFreezes = 0;
  /** Moments when it went on after a freeze. */
  readonly thawedAtMs: number[] = [];
  readonly #options: ProgramOptions;
  readonly #log: WriteStream;
  #child: ChildProcess | null = null;
  #exited: Promise<Omit<Ending, 'tookMs'>> = Promise.resolve({ code: 0, signal: null });
  #expected = true;
  #started = false;
  #thaw: (() => Promise<void>) | null = null;
  #frozenAtMs = 0;
  #rest = '';

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.name = options.name;
    this.kind = options.kind;
    this.#log = createWriteStream(options.logPath, { flags: 'a' });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== null;
  }

  /** How often what it had in hand may come again. A session is lost after a long freeze, and when the database is away for longer than its lease. */
  get interruptions(): number {
    const lostSessions = this.lines.filter(({ event }) => event === 'session.lost').length;
    return this.#cuts + Math.max(this.#longFreezes, lostSessions);
  }

  /** It has said that it runs, and has not ended since. */
  get started(): boolean {
    return this.#started;
  }

  get frozen(): boolean {
    return this.#thaw !== null;
  }

  /** Resolves once it says that it runs. @throws Error when it ends before that; `isExpected` decides whether it needed help */
  async start(isExpected: () => boolean = () => false): Promise<void> {
    if (this.#child !== null) throw new Error(`Expected ${this.name} to be stopped before its start, got a running one`);
    const child = spawnProgram(this.#options);
    this.#child = child;
    this.#expected = false;
    this.#watch(child, isExpected);
    const started = new Promise<void>((resolve) => child.once('message', () => resolve()));
    const failed = this.#exited.then(({ code, signal }) => { throw new Error(`${this.name} ended with ${signal ?? `code ${code ?? 1}`} before it ran: ${this.#tail()}`); });
    try {
      await deadline(Promise.race([started, failed]), { what: `${this.name} to start`, ms: START_TIMEOUT_MS });
      this.#started = this.running;
    } catch (error) {
      if (this.running) await this.#endBy('SIGKILL'); // Else the next start would find it in the way.
      throw error;
    }
  }

  /** SIGKILL; resolves once it is gone. */
  async kill(): Promise<void> {
    if (this.#child === null) return;
    this.#cuts += 1;
    await this.#endBy('SIGKILL');
  }

  /** SIGTERM; resolves once it has ended, with how. */
  async stop(): Promise<Ending> {
    const ending = await this.#endBy('SIGTERM');
    if (ending.tookMs >= GRACE_MS) this.#cuts += 1;
    return ending;
  }

  /** SIGSTOP. */
  async freeze(): Promise<void> {
    if (this.#child === null || this.#thaw !== null) return;
    this.#frozenAtMs = now();
    this.#thaw = await freeze(this.pid);
  }

  /** SIGCONT. */
  async thaw(): Promise<void> {
    const thaw = this.#thaw;
    if (thaw === null) return;
    this.#thaw = null;
    if (now() - this.#frozenAtMs >= HARMLESS_FREEZE_MS) this.#longFreezes += 1;
    this.thawedAtMs.push(now());
    await thaw();
  }

  /** Moves its wall clock by so many seconds against the true one. */
  setClock(offsetSeconds: number): void {
    if (this.#options.clockPath === null) throw new Error(`Expected ${this.name} to run on a clock that can be set, got the machine's own`);
    writeFileSync(this.#options.clockPath, clockText(offsetSeconds));
  }

  /** What it has said under this name since then. */
  said(event: string, sinceMs = 0): readonly LogLine[] {
    return this.lines.filter((line) => line.event === event && line.atMs >= sinceMs);
  }

  /** Whatever state it is in; safe twice. */
  async end(): Promise<void> {
    if (this.#child !== null) await this.#endBy('SIGKILL');
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }

  async #endBy(signal: 'SIGKILL' | 'SIGTERM'): Promise<Ending> {
    const startedAtMs = now();
    this.#expected = true;
    this.#child?.kill(signal);
    await this.thaw();
    const ending = await deadline(this.#exited, { what: `${this.name} to end after ${signal}`, ms: STOP_TIMEOUT_MS });
    return { ...ending, tookMs: now() - startedAtMs };
  }

  #watch(child: ChildProcess, isExpected: () => boolean): void {
    child.on('error', () => undefined); // A channel that broke; the exit that follows is what counts.
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.#exited = new Promise((resolve) => child.once('close', (code, signal) => {
      this.#child = null;
      this.#started = false;
      if (!this.#expected && !isExpected()) this.helpNeeded.push(`${this.name} ended by itself with ${signal ?? `code ${code ?? 1}`}: ${this.#tail()}`);
      resolve({ code, signal });
    }));
  }

  #hear(text: string): void {
    this.#log.write(text);
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.lines.push(readLine(line));
  }

  #tail(): string {
    const { event, fields } = this.lines.at(-1) ?? { event: 'nothing was said', fields: {} };
    return `${event} ${JSON.stringify(fields)}`.slice(0, 500);
  }
}

/** As FAKETIME_TIMESTAMP_FILE holds it. */
export const clockText = (offsetSeconds: number): string => `${offsetSeconds < 0 ? '-' : '+'}${Math.abs(offsetSeconds)}\n`;

/** Only what the run says: nothing of ours leaks in from the shell. */
function spawnProgram({ kind, env }: ProgramOptions): ChildProcess {
  const { PATH, HOME, TMPDIR } = process.env;
  return spawn(process.execPath, ['--import', 'tsx', `src/${kind}.ts`], { cwd: ROOT, env: { PATH, HOME, TMPDIR, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true });
}

/** A line that is no log line is told as it is: the last words of a failing program. */
function readLine(text: string): LogLine {
  const atMs = now();
  try {
    const { event, ...fields } = JSON.parse(text) as Record<string, unknown>;
    return { event: String(event), atMs, fields };
  } catch {
    return { event: text, atMs, fields: {} };
  }
}
