/**
 * The interleaving. Whatever an actor (a processor's life, a replay) wants from the outside stops here first and waits to be
 * let through: each statement, each request, each look at the stream, each sleep. One step is let through at a time, to its
 * end, so the order is the script's and the same script gives the same order. An actor that has ended never hears again of
 * what it waited for: that is a crash, and it may come between any two steps.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/runtime/clock.ts';

/** What the receiver says to a request that is let through. */
export type Answer = 200 | 500;

export interface Step {
  readonly actor: string;
  readonly label: string;
  /** Whether nothing happens through it unless time passes. */
  readonly isIdle: () => boolean;
  /** Of a sleep: how long it is meant to last. The script may end it at any time. */
  readonly sleepMs: number;
  /** A request is in the network: it comes to its end whatever becomes of its sender. */
  readonly outlivesActor: boolean;
  readonly run: (answer: Answer) => Promise<void>;
}

export interface StepWish<Result> {
  readonly actor: string;
  readonly label: string;
  readonly isIdle?: () => boolean;
  readonly outlivesActor?: boolean;
  readonly act: (answer: Answer) => Result | Promise<Result>;
}

/** How far time moves with each step. */
const STEP_MS = 25;
/** Whoever sleeps no longer than this is waiting for others, and looks again at once. */
const BLINK_MS = 50;

export class Steps {
  readonly #ended = new Set<string>();
  #waiting: Step[] = [];
  #nowMs = 1_000;
  /** What was let through, in order. */
  readonly trace: string[] = [];

  /** Rises with every look, so that no two moments are the same. */
  now(): number {
    this.#nowMs += 1;
    return this.#nowMs;
  }

  /** So much time goes by in which nothing happens. */
  pass(ms: number): void {
    this.#nowMs += ms;
  }

  /** Those that wait, in the order they came. */
  waiting(actor?: string): readonly Step[] {
    return actor === undefined ? this.#waiting : this.#waiting.filter((step) => step.actor === actor);
  }

  wait<Result>({ actor, label, isIdle = () => false, outlivesActor = false, act }: StepWish<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.add({ actor, label, isIdle, outlivesActor, sleepMs: 0, run: async (answer) => {
        try {
          const result = await act(answer);
          if (!this.#ended.has(actor)) resolve(result);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      } });
    });
  }

  add(step: Step): void {
    if (!this.#ended.has(step.actor)) this.#waiting.push(step);
  }

  remove(step: Step): void {
    this.#waiting = this.#waiting.filter((other) => other !== step);
  }

  /** Lets one step through, and all that follows from it up to the next steps. */
  async release(step: Step, answer: Answer): Promise<void> {
    this.remove(step);
    this.#nowMs += STEP_MS;
    this.trace.push(`${step.actor} ${step.label}`);
    await step.run(answer);
    await setImmediate();
  }

  /** The actor is gone, in the middle of whatever it did. */
  end(actor: string): void {
    this.#ended.add(actor);
    this.#waiting = this.#waiting.filter((step) => step.actor !== actor || step.outlivesActor);
  }

  /** An actor's clock: its sleeps are steps, woken when the script says so. */
  clockOf(actor: string, wallStartMs: number): Clock {
    const sleep = (ms: number, signal?: AbortSignal): Promise<void> => this.#sleep(actor, ms, signal);
    return {
      now: () => wallStartMs + this.now(),
      monotonic: () => this.now(),
      sleep,
      after: (ms, act) => {
        const off = new AbortController();
        void sleep(ms, off.signal).then(() => off.signal.aborted || act());
        return () => off.abort();
      },
    };
  }

  #sleep(actor: string, ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.remove(step);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const step: Step = { actor, label: `sleep ${ms}`, isIdle: () => ms > BLINK_MS, outlivesActor: false, sleepMs: ms, run: () => Promise.resolve(wake()) };
      signal?.addEventListener('abort', wake, { once: true });
      this.add(step);
    });
  }
}
