/**
 * The database's time, as this process can best tell it. Each answer that carries the server's clock anchors it; in between
 * our monotonic clock carries it on, so a wrong or jumping wall clock on a worker never moves a retry.
 */
import type { Clock } from './clock.ts';

export class ServerClock {
  readonly #clock: Clock;
  #offsetMs: number;
  #isAnchored = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.now() - clock.monotonic();
  }

  /**
   * Takes in a reading: `serverMs` was the server's time somewhere between the two monotonic readings. What we have is kept while
   * it agrees with that, since an answer that took seconds, as over an outage, knows less than the quick one before it.
   */
  observe(serverMs: number, askedAtMs: number, answeredAtMs: number): void {
    const agrees = serverMs - answeredAtMs <= this.#offsetMs && this.#offsetMs <= serverMs - askedAtMs;
    if (this.#isAnchored && agrees) return;
    this.#offsetMs = serverMs - (askedAtMs + answeredAtMs) / 2;
    this.#isAnchored = true;
  }

  /** Unix milliseconds on the server's clock. */
  now(): number {
    return Math.round(this.#clock.monotonic() + this.#offsetMs);
  }
}
