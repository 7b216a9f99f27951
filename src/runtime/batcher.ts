/**
 * Group commit without a timer: items gather while a write is under way, and the next write takes all of them. Alone, an
 * item waits for nothing; under load, many share one command and one journal flush.
 */
import { partition } from './partition.ts';

export interface BatcherOptions<Item, Result> {
  /** Writes a batch; answers one result for each item, in order. What it throws rejects every item of the batch. */
  readonly write: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly maxItems: number;
  /** Writes under way at once. */
  readonly lanes?: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export class Batcher<Item, Result> {
  readonly #options: Required<BatcherOptions<Item, Result>>;
  #queue: Waiting<Item, Result>[] = [];
  #writing = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = { lanes: 1, ...options };
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
  }

  /** Resolves once nothing waits and nothing is being written. */
  idle(): Promise<void> {
    if (this.#writing === 0 && this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #startWriting(): void {
    while (this.#writing < this.#options.lanes && this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#options.maxItems);
      this.#writing += 1;
      void this.#write(batch);
    }
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
    if (this.#writing === 0) this.#idleWaiters.splice(0).forEach((resolve) => resolve());
  }
}
