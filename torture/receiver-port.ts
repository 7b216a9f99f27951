/** The receiver as the run sees it: its process, the faults it can have, and the ledger of what it saw, filled as it goes. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deadline } from '../bench/lab/deadline.ts';
import { freePorts } from '../tools/local-mongo/ports.ts';
import type { Arrival, Answer, Received } from './ledger.ts';
import type { Command, Numbered, Outcome, Told } from './receiver-calls.ts';
import type { TargetPlan } from './targets.ts';

const SCRIPT = fileURLToPath(new URL('receiver.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../', import.meta.url));
const CALL_TIMEOUT_MS = 30_000;

type Open = Arrival & { answer: Answer; answeredAtMs: number | null };

export class ReceiverPort {
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #received: Open[] = [];
  readonly #waiting = new Map<number, (error: string | null) => void>();
  #calls = 0;
  #ended = false;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#url = `http://127.0.0.1:${port}`;
    child.on('message', (told: Told) => this.#hear(told));
    child.on('error', () => undefined); // A channel that broke; the exit that follows is what counts.
    child.once('exit', () => this.#end());
  }

  static async open(targets: readonly TargetPlan[], seed: number): Promise<ReceiverPort> {
    const [port = 0] = await freePorts(1);
    const { PATH, HOME, TMPDIR } = process.env;
    const child = fork(SCRIPT, { cwd: ROOT, execArgv: ['--import', 'tsx'], serialization: 'advanced', env: { PATH, HOME, TMPDIR }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'], detached: true });
    const receiver = new ReceiverPort(child, port);
    await receiver.#ask({ kind: 'open', port, seed, targets });
    return receiver;
  }

  /** In the order of their arrival; it grows. */
  get received(): readonly Received[] {
    return this.#received;
  }

  urlOf({ id }: Pick<TargetPlan, 'id'>): string {
    return `${this.#url}/${id}`;
  }

  /** Closes the port and cuts off what is under way. */
  close(): Promise<void> {
    return this.#ask({ kind: 'close' });
  }

  reopen(): Promise<void> {
    return this.#ask({ kind: 'reopen' });
  }

  /** Holds every answer back by so much; 0 ends it. */
  delay(ms: number): Promise<void> {
    return this.#ask({ kind: 'delay', ms });
  }

  /** These targets take requests and never answer them, until told otherwise; what is under way is left hanging. */
  hang(targets: readonly Pick<TargetPlan, 'id'>[]): Promise<void> {
    return this.#ask({ kind: 'hang', targetIds: targets.map(({ id }) => id) });
  }

  /** Resolves once everything that has come is in the ledger. */
  flush(): Promise<void> {
    return this.#ask({ kind: 'flush' });
  }

  end(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    const exited = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    return exited;
  }

  #ask(command: Command): Promise<void> {
    const call = ++this.#calls;
    const done = new Promise<void>((resolve, reject) => {
      if (this.#ended) reject(new Error('The receiver has ended'));
      this.#waiting.set(call, (error) => (error === null ? resolve() : reject(new Error(error))));
      if (!this.#ended) this.#child.send({ call, command } satisfies Numbered);
    });
    return deadline(done, { what: `the receiver to ${command.kind}`, ms: CALL_TIMEOUT_MS });
  }

  #hear(told: Told): void {
    if (told.kind === 'records') return this.#note(told.arrivals, told.outcomes);
    this.#waiting.get(told.call)?.(told.error);
    this.#waiting.delete(told.call);
  }

  #note(arrivals: readonly Arrival[], outcomes: readonly Outcome[]): void {
    for (const arrival of arrivals) this.#received[arrival.seq] = { ...arrival, answer: null, answeredAtMs: null };
    for (const { seq, answer, atMs } of outcomes) {
      const open = this.#received[seq];
      if (open !== undefined) Object.assign(open, { answer, answeredAtMs: atMs });
    }
  }

  #end(): void {
    this.#ended = true;
    for (const settle of this.#waiting.values()) settle('The receiver has ended');
    this.#waiting.clear();
  }
}
