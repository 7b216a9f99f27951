/**
 * A scripted receiver: takes webhooks in, checks their signatures, remembers them, and answers as it is told, which may change
 * while it runs. For people (`npm run sink`), for flow tests, and for a first look at what a target gets.
 *
 * Promises: a request is in `requests` before its answer is decided; `stop()` ends every connection, hanging ones too, and
 * returns when all are closed; started again it takes the port it had. A bad signature is recorded, never refused.
 */
import { createServer, type Server } from 'node:http';
import { systemClock, type Clock } from '../../src/runtime/clock.ts';
import { answer, type Behaviour } from './answer.ts';
import { listen } from './listen.ts';
import { createReceiver, type Receiver } from './receiver.ts';
import { RequestLog, type SinkCounts } from './request-log.ts';
import type { SinkRequest } from './request.ts';
import { createVerifier } from './verify.ts';

export { answer, type Behaviour, type SinkAnswer } from './answer.ts';
export type { SinkCounts } from './request-log.ts';
export type { SinkRequest } from './request.ts';

export interface SinkOptions {
  readonly host?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Signing secret of the target, several separated by commas; without one, signatures are not checked. */
  readonly secret?: string | null;
  /** Default: 200 to everything. */
  readonly behaviour?: Behaviour;
  /** How many requests are remembered. */
  readonly keep?: number;
  /** Whether their bodies are remembered too. */
  readonly bodies?: boolean;
  readonly clock?: Clock;
  /** A request is here; its answer is not decided yet. */
  readonly onRequest?: (request: SinkRequest) => void;
  /** It was dealt with: answered, cut, or left hanging. */
  readonly onDone?: (request: SinkRequest, tookMs: number) => void;
}

export interface SinkAddress {
  readonly url: string;
  readonly port: number;
}

export interface Sink {
  start(): Promise<SinkAddress>;
  stop(): Promise<void>;
  readonly requests: readonly SinkRequest[];
  readonly counts: SinkCounts;
  /** Holds for every request whose answer is not decided yet. */
  behave(behaviour: Behaviour): void;
  /** Forgets all requests, ids and counts. */
  clear(): void;
}

const KEEP_ALIVE_MS = 65_000; // Longer than any sender keeps a connection, so that it is never we who close one under a request.

/** @throws FatalError `invalid_secret` */
export const createSink = (options: SinkOptions = {}): Sink => new HttpSink(options);

class HttpSink implements Sink {
  readonly #host: string;
  readonly #log: RequestLog;
  readonly #receive: Receiver;
  #behaviour: Behaviour;
  #port: number;
  #server: Server | null = null;
  #started: Promise<SinkAddress> | null = null;
  #stopped: Promise<void> = Promise.resolve();
  #stopping = new AbortController();

  constructor({ host = '127.0.0.1', port = 0, secret = null, behaviour = () => answer(200), keep = 100_000, bodies = true, clock = systemClock, onRequest, onDone }: SinkOptions) {
    this.#host = host;
    this.#port = port;
    this.#behaviour = behaviour;
    this.#log = new RequestLog(keep);
    const deps = { clock, log: this.#log, verify: createVerifier(secret), behaviour: () => this.#behaviour };
    this.#receive = createReceiver(deps, { bodies, onRequest: onRequest ?? (() => undefined), onDone: onDone ?? (() => undefined) });
  }

  get requests(): readonly SinkRequest[] {
    return this.#log.requests;
  }

  get counts(): SinkCounts {
    return this.#log.counts;
  }

  /** @throws FatalError `port_taken` */
  start(): Promise<SinkAddress> {
    this.#started ??= this.#listen();
    return this.#started;
  }

  stop(): Promise<void> {
    const started = this.#started;
    if (started !== null) {
      this.#started = null;
      this.#stopped = this.#close(started);
    }
    return this.#stopped;
  }

  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
  }

  clear(): void {
    this.#log.clear();
  }

  async #listen(): Promise<SinkAddress> {
    await this.#stopped;
    const { signal } = (this.#stopping = new AbortController());
    const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (message, response) => this.#receive(message, response, signal));
    try {
      this.#port = await listen(server, this.#host, this.#port);
    } catch (error) {
      this.#started = null; // A start that failed may be tried again.
      throw error;
    }
    this.#server = server;
    return { url: `http://${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${this.#port}`, port: this.#port };
  }

  async #close(started: Promise<unknown>): Promise<void> {
    // Whoever called start() is told of its failure; here it only means that there is nothing to close.
    await started.catch(() => undefined);
    const server = this.#server;
    this.#server = null;
    this.#stopping.abort();
    if (server === null) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
}
