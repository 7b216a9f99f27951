/**
 * What the bench asks of its own child processes, over the channel that also ends them: a child whose parent is gone gets a
 * `disconnect` and exits. Times are those of `now()`, which all processes of one machine share.
 */
import { messageOf } from '../src/runtime/errors.ts';

export interface LoadOrder {
  readonly url: string;
  readonly secret: string;
  /** Part of every idempotency key: no load repeats the events of another. */
  readonly name: string;
  readonly count: number;
  readonly senders: number;
  readonly bodyBytes: number;
}

export interface LoadReport {
  /** By event: its id, and when it was sent and answered. */
  readonly ids: readonly string[];
  readonly sentAtMs: Float64Array;
  readonly ackedAtMs: Float64Array;
}

export interface ArrivalsOrder {
  /** Distinct events to wait for. */
  readonly count: number;
  /** How long nothing new may come before the wait is given up. */
  readonly silenceMs: number;
}

export interface Arrivals {
  /** In the order of their first arrival. */
  readonly ids: readonly string[];
  readonly arrivedAtMs: Float64Array;
  readonly requests: number;
}

/** Call → what it takes, what it answers. */
export interface Calls {
  /** Generator: sends a load, and answers once every event is accepted; fails when one is not. */
  readonly load: readonly [LoadOrder, LoadReport];
  /** Sink and ceiling: where it listens. */
  readonly listen: readonly [{ readonly downstreamUrl: string }, string];
  /** Sink: waits for what is to come, answers all that came since the last call, and forgets it. */
  readonly arrivals: readonly [ArrivalsOrder, Arrivals];
}

export type CallName = keyof Calls;

export interface Question {
  readonly call: CallName;
  readonly input: unknown;
}

/** One call at a time, so that an answer needs no number. */
export type Reply = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string };

type Handlers = { readonly [Name in CallName]?: (input: Calls[Name][0]) => Promise<Calls[Name][1]> };

/** Milliseconds since 1970 that only rise, and finer than `Date.now()`. */
export const now = (): number => performance.timeOrigin + performance.now();

/** Answers calls for as long as the parent lives. */
export function answerCalls(handlers: Handlers): void {
  async function replyTo({ call, input }: Question): Promise<Reply> {
    const handler = handlers[call] as ((input: unknown) => Promise<unknown>) | undefined;
    try {
      if (handler === undefined) throw new Error(`Expected one of ${Object.keys(handlers).join(', ')}, got ${call}`);
      return { ok: true, value: await handler(input) };
    } catch (error) {
      return { ok: false, error: messageOf(error) };
    }
  }

  process.on('message', (question: Question) => void replyTo(question).then((reply) => process.send?.(reply)));
  process.on('disconnect', () => process.exit());
  // A Ctrl-C goes to the whole group of processes; the parent ends its children in its own order.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => process.exit());
}
