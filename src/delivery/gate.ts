/**
 * Whether a lane may start anything at all: its processor's session is trusted, its target is active, no Retry-After holds it
 * and its breaker is not open. Closed, it costs nothing: those who wait are woken when something changes or the time is over.
 * After its time an open breaker lets one start through, the probe, and no more until somebody says what came of it.
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
  #brokenUntilMs = -Infinity;
  #probe: 'none' | 'due' | 'under way' = 'none';
  #wake = new AbortController();

  constructor(deps: GateDeps) {
    this.#deps = deps;
  }

  isOpen(): boolean {
    return this.#deps.isTrusted() && !this.isShut();
  }

  /** Whether the target itself takes nothing now: held by its Retry-After, its breaker open, paused or disabled. That may last. */
  isShut(): boolean {
    return !this.#deps.isActive() || this.#probe === 'under way' || this.#closedForMs() > 0;
  }

  /** Whether all that may start is one probe. */
  get isProbing(): boolean {
    return this.#probe !== 'none';
  }

  /** Closes for so long from now; a longer hold stays. */
  hold(ms: number): void {
    this.#holdUntilMs = Math.max(this.#holdUntilMs, this.#deps.clock.monotonic() + ms);
  }

  /** The breaker is open for so long from now; then comes one probe. */
  breakFor(ms: number): void {
    this.#brokenUntilMs = this.#deps.clock.monotonic() + ms;
    this.#probe = 'due';
  }

  /** The breaker is closed. A Retry-After holds all the same. */
  mend(): void {
    this.#brokenUntilMs = -Infinity;
    this.#probe = 'none';
    this.poke();
  }

  /** A start happens now; answers whether it is the probe. */
  noteStart(): boolean {
    if (this.#probe === 'none') return false;
    this.#probe = 'under way';
    return true;
  }

  /** Nothing came of the probe, for a reason of ours: another may be sent. */
  probeAgain(): void {
    if (this.#probe !== 'under way') return;
    this.#probe = 'due';
    this.poke();
  }

  /** Something has changed: those who wait look again. */
  poke(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Resolves when open, or when nobody waits any more (whoever ends that pokes as well). */
  async opened(isAwaited: () => boolean): Promise<void> {
    while (!this.isOpen() && isAwaited()) await this.#deps.clock.sleep(Math.min(Math.max(this.#closedForMs(), 0) || LONG_MS, LONG_MS), this.#wake.signal);
  }

  /** Resolves when neither a hold nor an open breaker is left, or the signal aborts (whose owner pokes as well). */
  async holdOver(signal: AbortSignal): Promise<void> {
    while (this.#closedForMs() > 0 && !signal.aborted) await this.#deps.clock.sleep(Math.min(Math.ceil(this.#closedForMs()), LONG_MS), this.#wake.signal);
  }

  #closedForMs(): number {
    return Math.max(this.#holdUntilMs, this.#brokenUntilMs) - this.#deps.clock.monotonic();
  }
}

/** Timers beyond 24.8 days fire at once; nothing here depends on this figure otherwise. */
const LONG_MS = 3_600_000;
