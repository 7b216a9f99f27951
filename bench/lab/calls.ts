/**
 * What the bench asks of its own child processes, over the channel that also ends them: a child whose parent is gone gets a
 * `disconnect` and exits. Times are those of `now()`, which all processes of one machine share.
 */
import { messageOf } from '../../src/runtime/errors.ts';
import type { Pace } from './schedule.ts';

export interface LoadOrder {
  readonly url: string;
  readonly secret: string;
  /** Part of every idempotency key: no load repeats the events of another. */
  readonly name: string;
  readonly pace: Pace;
  readonly bodyBytes: number;
  /** The numbers of the types there are events of. */
  readonly types: readonly number[];
  /** An equal share for each type, or a weight of 1/n^1.1 for the n-th of them. */
  readonly share: 'even' | 'zipf';
  /** Events in one request; more than one go to the batch route. */
  readonly perRequest: number;
}

/** By event, in the order of their intended times. */
export interface LoadReport {
  readonly ids: readonly string[];
  readonly types: Uint16Array;
  /** When it should have been sent; in a closed loop that is when it was. */
  readonly intendedAtMs: Float64Array;
  readonly ackedAtMs: Float64Array;
}

/** What a path of the sink does with a request. */
export type Behaviour =
  | { readonly kind: 'answer'; readonly status: number; readonly afterMs: number }
  | { readonly kind: 'hang' };

export interface ArrivalsOrder {
  /** Deliveries answered 2xx to wait for; each counts once. */
  readonly count: number;
  /** How long nothing new may come before the wait is given up. */
  readonly silenceMs: number;
}

/** By request, in the order of their arrival. */
export interface Arrivals {
  readonly ids: readonly string[];
  /** The number in the path, `/hook/<number>`. */
  readonly targets: Uint16Array;
  readonly attempts: Uint8Array;
  /** What was answered, or will be; 0 for none. */
  readonly statuses: Uint16Array;
  readonly atMs: Float64Array;
  /** Connections that were opened since the last call. */
  readonly connections: number;
}

/** Call → what it takes, what it answers. */
export interface Calls {
  /** Generator: sends a load, and answers once every event is accepted; fails when one is not. */
  readonly load: readonly [LoadOrder, LoadReport];
  /** Sink: where it listens. The ceiling and the servers of peers: the same, with where to send. */
  readonly listen: readonly [{ readonly downstreamUrl: string }, string];
  /** Sink: what the targets of these numbers do from now on; the others answer 200 at once. */
  readonly behave: readonly [Readonly<Record<number, Behaviour>>, null];
  /** Sink: how many deliveries it has answered 2xx since the last `arrivals`. */
  readonly count: readonly [null, number];
  /** Sink: waits for what is to come, answers all that came since the last call, and forgets it. */
  readonly arrivals: readonly [ArrivalsOrder, Arrivals];
  /** A peer's worker: begins to work. */
  readonly work: readonly [{ readonly downstreamUrl: string }, null];
  /** A peer's worker or server: how much it still has to do. */
  readonly left: readonly [null, number];
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
