/**
 * Group commit: items gather while a write is under way, and the next write takes all of them. Alone, an item waits for
 * nothing; under load, many share one command and one journal flush.
 *
 * With few items at once that would be many small writes, one right after the other, each with the whole cost of a command. So
 * writes may be spaced: none begins sooner after the one before it, unless enough wait. What comes after a pause still waits
 * for nothing, and a load pays a part of the spacing in latency for a fraction of the commands. How long may depend on how many
 * items the one before had: an item waits for company where there is company. A write beside others under way may have to wait
 * longer: then there is one at a time while the database is fast, and several while it is slow.
 */
import type { Clock } from './clock.ts';
import { partition } from './partition.ts';

export interface BatcherOptions<Item, Result> {
  /** Writes a batch; answers one result for each item, in order. What it throws rejects every item of the batch. */
  readonly write: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly maxItems: number;
  /** Writes under way at once. */
  readonly lanes?: number;
  readonly spacing?: Spacing;
}

export interface Spacing {
  readonly clock: Clock;
  /** Least time between the beginnings of two writes, in milliseconds, by how many items the first of them had. */
  readonly ms: (count: number) => number;
  /** The same while another write is under way; as `ms` unless given. */
  readonly besideMs?: (count: number) => number;
  /** With so many items waiting, and nothing under way, a write begins all the same. */
  readonly enough: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export class Batcher<Item, Result> {
  readonly #options: Required<Omit<BatcherOptions<Item, Result>, 'spacing'>>;
  readonly #spacing: Spacing | undefined;
  #queue: Waiting<Item, Result>[] = [];
  #writing = 0;
  /** Of the write that was begun last. */
  #lastStartMs = -Infinity;
  #lastCount = 0;
  /** When this will start writing by itself, at the earliest. */
  #wakesAtMs = Infinity;
  #idleWaiters: (() => void)[] = [];

  constructor({ spacing, ...options }: BatcherOptions<Item, Result>) {
    this.#options = { lanes: 1, ...options };
    this.#spacing = spacing;
  }

  /** Items that no write has taken yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Adds an item; resolves with its result once its batch is written. */
  add(item: Item): Promise<Result> {
    const written = this.#queued(item);
    this.#startWriting();
    return written;
  }

  /** Adds items that are to be written together, as far as a batch goes. */
  addAll(items: readonly Item[]): readonly { readonly item: Item; readonly written: Promise<Result> }[] {
    const written = items.map((item) => ({ item, written: this.#queued(item) }));
    this.#startWriting();
    return written;
  }

  #queued(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => void this.#queue.push({ item, resolve, reject }));
  }

  /** Takes out the waiting items that the test picks, and rejects them. */
  rejectWaiting(picks: (item: Item) => boolean, error: unknown): void {
    const [out, stay] = partition(this.#queue, ({ item }) => picks(item));
    this.#queue = stay;
    for (const { reject } of out) reject(error);
    this.#tellWhenIdle();
  }

  /** Resolves once nothing waits and nothing is being written. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #startWriting(): void {
    while (this.#writing < this.#options.lanes && this.#queue.length > 0 && this.#mayStart()) {
      const batch = this.#queue.splice(0, this.#options.maxItems);
      this.#lastCount = batch.length;
      this.#writing += 1;
      void this.#write(batch);
    }
  }

  /** Whether a write may begin now; if not, it will be asked again when it may. */
  #mayStart(): boolean {
    if (this.#spacing === undefined) return true;
    const { clock, ms, besideMs = ms, enough } = this.#spacing;
    const nowMs = clock.monotonic();
    const startsAtMs = this.#lastStartMs + (this.#writing > 0 ? besideMs : ms)(this.#lastCount);
    const isEnough = this.#writing === 0 && this.#queue.length >= enough;
    if (startsAtMs > nowMs && !isEnough) {
      this.#wakeAt(startsAtMs, clock);
      return false;
    }
    this.#lastStartMs = nowMs;
    return true;
  }

  #wakeAt(atMs: number, clock: Clock): void {
    if (this.#wakesAtMs <= atMs) return;
    this.#wakesAtMs = atMs;
    clock.after(atMs - clock.monotonic(), () => {
      if (this.#wakesAtMs === atMs) this.#wakesAtMs = Infinity;
      this.#startWriting();
    });
  }

  /** Never rejects: each item hears of its own fate. */
  async #write(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.write(batch.map(({ item }) => item));
      if (results.length !== batch.length) throw new Error(`Expected ${batch.length} results of a batch, got ${results.length}`);
      results.forEach((result, index) => batch[index]?.resolve(result));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.#writing -= 1;
    this.#startWriting();
    this.#tellWhenIdle();
  }

  get #isIdle(): boolean {
    return this.#writing === 0 && this.#queue.length === 0;
  }

  #tellWhenIdle(): void {
    if (this.#isIdle) this.#idleWaiters.splice(0).forEach((resolve) => resolve());
  }
}
