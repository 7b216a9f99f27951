/**
 * Which sessions let which lanes lie free though they should have taken them. Such a session renews its lease and does not do
 * its work; were it offered the lane again at once, two healthy processors would hand the lane round for ever.
 */
import type { SessionId, TargetId } from '../domain/ids.ts';
import { PASSED_OVER_MS } from '../domain/lease.ts';
import type { Clock } from '../runtime/clock.ts';

export class PassedOver {
  readonly #clock: Clock;
  readonly #noted = new Map<TargetId, { readonly session: SessionId; readonly atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The lane was taken by another than the one that should have it. */
  note(targetId: TargetId, session: SessionId): void {
    this.#noted.set(targetId, { session, atMs: this.#clock.monotonic() });
  }

  /** Who is not to be offered the lane just now. */
  of(targetId: TargetId): SessionId | null {
    const noted = this.#noted.get(targetId);
    return noted !== undefined && this.#clock.monotonic() - noted.atMs < PASSED_OVER_MS ? noted.session : null;
  }
}
