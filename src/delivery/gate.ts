/**
 * Whether a lane may start anything at all: its processor's session is trusted, its target is active, and no Retry-After
 * holds it. Closed, it costs nothing: those who wait are woken when something changes or the hold ends.
 */
import type { Clock } from '../runtime/clock.ts';

export interface GateDeps {
  readonly clock: Clock;
  /** Whether this processor's session is trusted just now. */
  readonly isTrusted: () => boolean;
  /** Whether the target takes deliveries at all. */
  readonly isActive: () => boolean;
}

export class Gate {
  readonly #deps: GateDeps;
  #holdUntilMs = -Infinity;
  #wake = new AbortController();

  constructor(deps: GateDeps) {
    this.#deps = deps;
  }

  isOpen(): boolean {
    return this.#deps.isTrusted() && !this.isShut();
  }

  /** Whether the target itself takes nothing now: held by its Retry-After, paused or disabled. That may last. */
  isShut(): boolean {
    return !this.#deps.isActive() || this.#holdLeftMs() > 0;
  }

  /** Closes for so long from now; a longer hold stays. */
  hold(ms: number): void {
    this.#holdUntilMs = Math.max(this.#holdUntilMs, this.#deps.clock.monotonic() + ms);
  }

  /** Something has changed: those who wait look again. */
  poke(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Resolves when open, or when the signal aborts (whose owner pokes as well). */
  async opened(signal: AbortSignal): Promise<void> {
    while (!this.isOpen() && !signal.aborted) await this.#deps.clock.sleep(Math.min(Math.max(this.#holdLeftMs(), 0) || LONG_MS, LONG_MS), this.#wake.signal);
  }

  /** Resolves when no hold is left, or the signal aborts. */
  async holdOver(signal: AbortSignal): Promise<void> {
    while (this.#holdLeftMs() > 0 && !signal.aborted) await this.#deps.clock.sleep(Math.ceil(this.#holdLeftMs()), signal);
  }

  #holdLeftMs(): number {
    return this.#holdUntilMs - this.#deps.clock.monotonic();
  }
}

/** Timers beyond 24.8 days fire at once; nothing here depends on this figure otherwise. */
const LONG_MS = 3_600_000;
