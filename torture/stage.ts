/** The stage a scenario plays on: waits that end with the run, and the notes and expectations that become part of its report. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../src/runtime/random.ts';
import { SLOTS, type Fleet } from './fleet.ts';
import { now, type Offer, type Received } from './ledger.ts';
import type { Load, LoadOrder, Sender } from './load.ts';
import type { Stage } from './scenario.ts';
import { lengthOutside } from './stalls.ts';

export interface StageParts {
  readonly fleet: Fleet;
  readonly sender: Sender;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

const LOOK_EVERY_MS = 50;
const PATIENCE_MS = 60_000;
/** However long breakers are open, a run ends. */
const MOST_REST_MS = 300_000;

export class LiveStage implements Stage {
  readonly fleet: Fleet;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly startedAtMs = now();
  readonly failures: string[] = [];
  readonly notes: string[] = [];
  extraDuplicates = 0;
  healedAtMs: number | null = null;
  readonly #sender: Sender;
  readonly #loads: Load[] = [];
  readonly #progress: (text: string) => void;

  constructor({ fleet, sender, random, signal, progress }: StageParts) {
    this.fleet = fleet;
    this.random = random;
    this.signal = signal;
    this.#sender = sender;
    this.#progress = progress;
  }

  get offers(): readonly Offer[] {
    return this.#sender.offers;
  }

  load(order: LoadOrder): Load {
    const load = this.#sender.start(order);
    this.#loads.push(load);
    return load;
  }

  async stopLoads(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.stop()));
  }

  async sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal });
  }

  async until<T>(what: string, look: () => Promise<T | null> | T | null, withinMs = PATIENCE_MS): Promise<T> {
    for (const deadlineMs = now() + withinMs; ; await this.sleep(LOOK_EVERY_MS)) {
      const seen = await look();
      if (seen !== null) return seen;
      if (now() > deadlineMs) throw new Error(`Expected ${what} within ${withinMs / 1_000} s, it did not come`);
    }
  }

  async flowing(sinceMs: number, withinMs?: number): Promise<number> {
    const isNew = (id: string): boolean => this.#sender.offers.some(({ accepted }) => accepted !== null && accepted.id === id && accepted.atMs > sinceMs);
    const { received } = this.fleet.receiver;
    const provingCount = SLOTS * Math.max(1, this.fleet.processors.length);
    let looked = firstAfter(received, sinceMs);
    let came = 0;
    return this.until('deliveries to flow again', () => {
      for (; looked < received.length; looked += 1) {
        const request = received[looked];
        if (request === undefined || request.atMs <= sinceMs) continue;
        came += 1;
        if (came > provingCount || isNew(request.eventId)) return request.atMs - sinceMs;
      }
      return null;
    }, withinMs);
  }

  async untilSettled(withinMs: number): Promise<number> {
    const fromMs = now();
    const isLate = (): boolean => lengthOutside({ fromMs, untilMs: now() }, this.fleet.rests) > withinMs || now() - fromMs > withinMs + MOST_REST_MS;
    for (; !(await this.#isSettled()); await this.sleep(LOOK_EVERY_MS)) {
      if (isLate()) throw new Error(`Expected everything to be settled within ${withinMs / 1_000} s beside the time in which breakers were open, it did not come`);
    }
    return now() - fromMs;
  }

  /** In doubt it is not: the database may just be away. */
  async #isSettled(): Promise<boolean> {
    const { events, deliveries } = this.fleet.store;
    const open = Promise.all([
      events.findOne({ settledAt: { $exists: false } }, { projection: { _id: 1 } }),
      events.findOne({ pendingFanOut: true }, { projection: { _id: 1 } }),
      deliveries.findOne({ wakeAt: { $exists: true } }, { projection: { _id: 1 } }),
    ]);
    return open.then((found) => found.every((one) => one === null), () => false);
  }

  expect(holds: boolean, what: string): void {
    if (holds) return;
    this.failures.push(`expected ${what}`);
    this.note(`FAILED: expected ${what}`);
  }

  allowDuplicates(count: number, why: string): void {
    this.extraDuplicates += count;
    this.note(`${count} duplicates more are allowed: ${why}`);
  }

  healed(): void {
    this.healedAtMs = now();
  }

  note(text: string): void {
    const seconds = (now() - this.startedAtMs) / 1_000;
    this.notes.push(`${seconds.toFixed(2).padStart(8)}  ${text}`);
    this.#progress(`${seconds.toFixed(0)} s  ${text}`);
  }
}

/** Where in the ledger to look for what came later; it is in the order of arrival, but for a few milliseconds. */
function firstAfter(received: readonly Received[], atMs: number): number {
  const index = received.findLastIndex((request) => request.atMs < atMs - 1_000);
  return index + 1;
}
