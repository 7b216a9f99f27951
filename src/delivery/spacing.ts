/**
 * The look before a start: never sooner than `everyMs` after the start before it, measured from when that one really
 * began, on the monotonic clock. Bottleneck plans on the wall clock, and a start can be held up after its turn came (for a
 * slot, a late timer); this keeps the promise through both. A new lane waits one interval first: its last owner may have
 * started a send just now.
 */
import type { Clock } from '../runtime/clock.ts';

export class Spacing {
  readonly #clock: Clock;
  readonly #everyMs: number;
  #lastStartMs: number;

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#lastStartMs = clock.monotonic();
  }

  /** Whether a start may happen now. */
  get isFree(): boolean {
    return this.#left() <= 0;
  }

  /** Resolves when a start may happen. One caller at a time. */
  async wait(signal: AbortSignal): Promise<void> {
    for (let leftMs = this.#left(); leftMs > 0 && !signal.aborted; leftMs = this.#left()) await this.#clock.sleep(leftMs, signal);
  }

  /** A start happens now. */
  noteStart(): void {
    this.#lastStartMs = this.#clock.monotonic();
  }

  #left(): number {
    return this.#everyMs === 0 ? 0 : this.#lastStartMs + this.#everyMs - this.#clock.monotonic();
  }
}
