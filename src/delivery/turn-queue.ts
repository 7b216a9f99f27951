/**
 * Those who wait for a turn in a lane. Fresh deliveries and retries take every second turn each while both wait, so neither a
 * storm of due retries nor a flood of new events has more than half of the lane against the other; and of each, quick retries
 * go first, since their attempt has begun.
 */
import { Fifo } from './fifo.ts';

export interface TurnWish {
  /** A quick retry: its attempt is under way. */
  readonly isUrgent: boolean;
  /** Of a delivery that was tried before. */
  readonly isRetry: boolean;
}

/** One kind of deliveries. */
class Line<Waiter> {
  readonly urgent = new Fifo<Waiter>();
  readonly patient = new Fifo<Waiter>();

  get length(): number {
    return this.urgent.length + this.patient.length;
  }

  shift(): Waiter | undefined {
    return this.urgent.shift() ?? this.patient.shift();
  }
}

export class TurnQueue<Waiter> {
  readonly #fresh = new Line<Waiter>();
  readonly #retries = new Line<Waiter>();
  #lastWasRetry = true;

  get length(): number {
    return this.#fresh.length + this.#retries.length;
  }

  push(waiter: Waiter, { isUrgent, isRetry }: TurnWish): void {
    const line = isRetry ? this.#retries : this.#fresh;
    (isUrgent ? line.urgent : line.patient).push(waiter);
  }

  shift(): Waiter | undefined {
    this.#lastWasRetry = this.#retries.length > 0 && (this.#fresh.length === 0 || !this.#lastWasRetry);
    return (this.#lastWasRetry ? this.#retries : this.#fresh).shift();
  }
}
