/**
 * The receiving side of one HTTP try: hears from undici what happens and makes one outcome of it. The status decides: once it
 * has come, a body that is too long, too slow or cut off only adds a note. Ends exactly once, whatever comes in what order.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Outcome } from '../domain/attempt.ts';
import { messageOf } from '../runtime/errors.ts';
import { outcomeOfError } from './outcome-of.ts';

/** How much of an answer is read before the connection is given up. */
const READ_BYTES = 16_384;
/** How much of it is kept with the attempt. */
const EXCERPT_CHARACTERS = 1_024;

/** Of 1xx: hints and signs of life. */
const MOST_INTERIMS = 20;

/** Why we end a try ourselves: its deadline, or the end of this process. */
export type CutReason = 'deadline' | 'shutdown';

class CutError extends Error {
  override readonly name = 'CutError';
}

export class HttpTry implements Dispatcher.DispatchHandler {
  readonly #end: (outcome: Outcome) => void;
  #controller: Dispatcher.DispatchController | null = null;
  #isOver = false;
  #interims = 0;
  #status: number | null = null;
  #retryAfter: string | null = null;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  /** @param end told the outcome, once */
  constructor(end: (outcome: Outcome) => void) {
    this.#end = end;
  }

  /** Ends it now; its connection is given up. */
  cut(reason: CutReason): void {
    if (this.#status !== null) this.#answer(`the answer broke off: ${reason === 'deadline' ? 'there was no more time' : 'the process ended'}`);
    else this.#finish(reason === 'shutdown' ? { kind: 'cut' } : { kind: 'timeout', detail: '' });
    this.#controller?.abort(new CutError(reason));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new CutError('it was cut before it began'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return this.#takeInterim(controller, status);
    const retryAfter = headers['retry-after'];
    this.#status = status;
    this.#retryAfter = typeof retryAfter === 'string' ? retryAfter : null;
  }

  /**
   * The answer follows, but never to another protocol, which we did not ask for: what follows a 101 is no HTTP. And a receiver that
   * only promises an answer must not keep us reading.
   */
  #takeInterim(controller: Dispatcher.DispatchController, status: number): void {
    this.#interims += 1;
    if (status !== 101 && this.#interims <= MOST_INTERIMS) return;
    this.#finish({ kind: 'network', fault: 'bad_response', detail: status === 101 ? 'status 101, and no change of protocol was asked for' : `more than ${MOST_INTERIMS} interim answers` });
    controller.abort(new CutError('it did not answer'));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length <= READ_BYTES) return;
    this.#answer(`the answer was longer than ${READ_BYTES} bytes; the rest was not read`);
    controller.abort(new CutError('enough was read'));
  }

  onResponseEnd(): void {
    this.#answer(null);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#status === null) this.#finish(outcomeOfError(error));
    else this.#answer(`the answer broke off: ${messageOf(error) || String(error)}`);
  }

  #answer(note: string | null): void {
    const status = this.#status;
    if (status === null || this.#isOver) return;
    const answered = { kind: 'answered', status, retryAfter: this.#retryAfter, excerpt: this.#excerpt() } as const;
    this.#finish(note === null ? answered : { ...answered, note });
  }

  #excerpt(): string {
    const [first] = this.#chunks;
    if (first === undefined) return '';
    const bytes = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    return bytes.toString('utf8', 0, READ_BYTES).slice(0, EXCERPT_CHARACTERS);
  }

  #finish(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end(outcome);
  }
}
