/**
 * The slots of one processor: how many attempts may be in flight, or ended and not yet written down. That is also the most
 * that a crash can repeat. Each lane may use at most three times as many slots as are free just now, so however many dead
 * receivers hang on to theirs, some stay free for the healthy ones:
 *
 *   hanging lanes, 300 slots   1    2    5    20
 *   each of them holds       225  128   56    14
 *   left for the others       75   44   20    20
 *
 * (dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998, here with alpha = 3)
 */
const SHARE_OF_FREE = 3;

interface Waiter {
  readonly lane: string;
  readonly grant: (release: () => void) => void;
}

export class Slots {
  readonly #total: number;
  readonly #used = new Map<string, number>();
  #inUse = 0;
  #waiters: Waiter[] = [];

  constructor(total: number) {
    this.#total = total;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** Answers at once: how to give the slot back, or null when this lane has to wait for one. */
  acquireNow(lane: string): (() => void) | null {
    return this.#allows(lane) ? this.#take(lane) : null;
  }

  /** Waits for a slot; the answer gives it back and must be called exactly once. First come, first served among those allowed. */
  acquire(lane: string): Promise<() => void> {
    if (this.#allows(lane)) return Promise.resolve(this.#take(lane));
    return new Promise((grant) => this.#waiters.push({ lane, grant }));
  }

  #allows(lane: string): boolean {
    const free = this.#total - this.#inUse;
    return free > 0 && (this.#used.get(lane) ?? 0) < Math.max(1, SHARE_OF_FREE * free);
  }

  #take(lane: string): () => void {
    this.#inUse += 1;
    this.#used.set(lane, (this.#used.get(lane) ?? 0) + 1);
    return () => this.#release(lane);
  }

  #release(lane: string): void {
    this.#inUse -= 1;
    const left = (this.#used.get(lane) ?? 1) - 1;
    if (left === 0) this.#used.delete(lane);
    else this.#used.set(lane, left);
    this.#grantWaiting();
  }

  #grantWaiting(): void {
    for (let index = 0; index < this.#waiters.length && this.#inUse < this.#total; ) {
      const waiter = this.#waiters[index];
      if (waiter === undefined || !this.#allows(waiter.lane)) {
        index += 1;
        continue;
      }
      this.#waiters.splice(index, 1);
      waiter.grant(this.#take(waiter.lane));
    }
  }
}
