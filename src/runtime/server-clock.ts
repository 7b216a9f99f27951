/**
 * The database's time, as this process can best tell it. Each answer that carries the server's clock anchors it; in between
 * our monotonic clock carries it on, so a wrong or jumping wall clock on a worker never moves a retry.
 */
import type { Clock } from './clock.ts';

export class ServerClock {
  readonly #clock: Clock;
  #offsetMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.now() - clock.monotonic();
  }

  /** Takes in a reading: `serverMs` was the server's time somewhere between the two monotonic readings. */
  observe(serverMs: number, askedAtMs: number, answeredAtMs: number): void {
    this.#offsetMs = serverMs - (askedAtMs + answeredAtMs) / 2;
  }

  /** Unix milliseconds on the server's clock. */
  now(): number {
    return Math.round(this.#clock.monotonic() + this.#offsetMs);
  }
}
