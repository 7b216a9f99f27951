/**
 * Settling: the one guarded write of a result, in batches. The order of the steps is what makes a crash harmless:
 *
 *   timers first (T6): a delivery that waits has something to wake it, and a stray timer is ignored
 *   then the results: an insert where nothing was written yet (T2), a guarded update where a document is (T5)
 *
 * An insert that finds a document goes on as an update. An update that matches nothing is late, unless what is there is our
 * own write, told of twice by a cut connection.
 */
import type { Delivery } from '../domain/delivery.ts';
import type { Clock } from '../runtime/clock.ts';
import { Batcher } from '../runtime/batcher.ts';
import type { Persist } from '../runtime/persist.ts';
import { findDeliveries, insertFirstResults, settleOpenDeliveries, type Settlement } from '../store/deliveries.ts';
import { writeTimers } from '../store/schedule.ts';
import type { Store } from '../store/store.ts';

/** `late`: the delivery had moved on, and this result changed nothing. */
export type SettleResult = 'written' | 'late';

export interface SettlerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly persist: Persist;
  /** Of the processor: each result holds one until it is written. */
  readonly slots: number;
  /** A timer was written that is due at this time, on the server's clock. */
  readonly onTimer: (dueAt: Date) => void;
  readonly onWritten?: (count: number, tookMs: number) => void;
}

const MAX_BATCH = 300;
/** Nobody waits for a result to be written but its slot, so results gather; and are written sooner when they hold up many slots. */
const SPACING_MS = 20;
const SHARE_OF_SLOTS = 0.25;

export function createSettler({ store, clock, persist, slots, onTimer, onWritten }: SettlerDeps): Batcher<Settlement, SettleResult> {
  async function writeWakeups(settlements: readonly Settlement[]): Promise<void> {
    const timers = settlements.flatMap(({ claim, to }) =>
      to.state === 'waiting' ? [{ deliveryId: claim.id, targetId: claim.targetId, generation: claim.generation, attempt: claim.attemptCount + 2, dueAt: to.wakeAt }] : [],
    );
    if (timers.length === 0) return;
    await persist('timers', () => writeTimers(store, timers));
    for (const { dueAt } of timers) onTimer(dueAt);
  }

  /** Answers those that found a document in their place. */
  async function insertFirst(settlements: readonly Settlement[]): Promise<readonly Settlement[]> {
    if (settlements.length === 0) return [];
    const duplicates = new Set(await persist('first results', () => insertFirstResults(store, settlements)));
    return settlements.filter((_, index) => duplicates.has(index));
  }

  /** Answers those that came too late. */
  async function updateOpen(settlements: readonly Settlement[]): Promise<readonly Settlement[]> {
    if (settlements.length === 0) return [];
    const allMatched = await persist('results', () => settleOpenDeliveries(store, settlements));
    if (allMatched) return [];
    const stored = await persist('results read back', () => findDeliveries(store, settlements.map(({ claim }) => claim.id)));
    const byId = new Map(stored.map((delivery) => [delivery.id, delivery]));
    return settlements.filter((settlement) => !isOurs(settlement, byId.get(settlement.claim.id)));
  }

  async function write(settlements: readonly Settlement[]): Promise<readonly SettleResult[]> {
    const startedAtMs = clock.monotonic();
    await writeWakeups(settlements);
    const first = settlements.filter(({ claim }) => !claim.stored);
    const open = settlements.filter(({ claim }) => claim.stored);
    const [found, lateOpen] = await Promise.all([insertFirst(first), updateOpen(open)]);
    const late = new Set([...lateOpen, ...(await updateOpen(found))]);
    onWritten?.(settlements.length, clock.monotonic() - startedAtMs);
    return settlements.map((settlement) => (late.has(settlement) ? 'late' : 'written'));
  }

  return new Batcher({ write, maxItems: MAX_BATCH, spacing: { clock, ms: () => SPACING_MS, enough: Math.ceil(slots * SHARE_OF_SLOTS) } });
}

/** Whether the stored delivery holds this very attempt. */
function isOurs({ attempts }: Settlement, stored: Delivery | undefined): boolean {
  const mine = attempts.at(-1);
  return mine !== undefined && (stored?.attempts.some(({ number, quickRetry, at }) => number === mine.number && quickRetry === mine.quickRetry && at.getTime() === mine.at.getTime()) ?? false);
}
