/**
 * How a target's attempts went of late: counts over the last minute, kept in twelve spans of five seconds, so that noting a
 * result is a few sums in place and an old one falls out 55 to 60 s after it came. Times are on any clock that only rises.
 */
const SPAN_MS = 5_000;
const SPANS = 12;
/** Fewer results than this say nothing. */
export const LEAST_RESULTS = 10;
export const FAILED_PERCENT = 70;

export class ResultWindow {
  readonly #results = new Uint32Array(SPANS);
  readonly #failures = new Uint32Array(SPANS);
  #span = 0;
  #total = 0;
  #failed = 0;

  note(isFailure: boolean, nowMs: number): void {
    this.#moveTo(Math.floor(nowMs / SPAN_MS));
    const place = this.#span % SPANS;
    this.#results[place] = (this.#results[place] ?? 0) + 1;
    this.#total += 1;
    if (!isFailure) return;
    this.#failures[place] = (this.#failures[place] ?? 0) + 1;
    this.#failed += 1;
  }

  /** Whether so much of so many has failed that trying on is no use. */
  get isBad(): boolean {
    return this.#total >= LEAST_RESULTS && 100 * this.#failed >= FAILED_PERCENT * this.#total;
  }

  clear(): void {
    this.#results.fill(0);
    this.#failures.fill(0);
    [this.#total, this.#failed] = [0, 0];
  }

  #moveTo(span: number): void {
    if (span - this.#span >= SPANS) this.clear();
    else while (this.#span < span) this.#forget((this.#span += 1) % SPANS);
    this.#span = Math.max(this.#span, span);
  }

  #forget(place: number): void {
    this.#total -= this.#results[place] ?? 0;
    this.#failed -= this.#failures[place] ?? 0;
    this.#results[place] = 0;
    this.#failures[place] = 0;
  }
}
