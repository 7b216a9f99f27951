/**
 * The look before a start: never sooner than its pace allows after the start before it, measured from when that one really
 * began, on the monotonic clock; what a fast pace lost by late timers it catches up with. Bottleneck plans on the wall clock, and
 * a start can be held up after its turn came (for a slot, a late timer); this keeps the promise through both. A new lane waits
 * one interval first: its last owner may have started a send just now.
 */
import type { Clock } from '../runtime/clock.ts';
import type { Pace } from './pacer.ts';

export class Spacing {
  readonly #clock: Clock;
  readonly #pace: Pace;
  /** When the next start may happen. */
  #dueMs: number;

  constructor(clock: Clock, pace: Pace) {
    this.#clock = clock;
    this.#pace = pace;
    this.#dueMs = clock.monotonic() + pace.everyMs;
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
    const { everyMs, catchUpMs } = this.#pace;
    this.#dueMs = Math.max(this.#dueMs, this.#clock.monotonic() - catchUpMs) + everyMs;
  }

  #left(): number {
    return this.#pace.everyMs === 0 ? 0 : this.#dueMs - this.#clock.monotonic();
  }
}
