/**
 * Replays page after page in small batches: the smaller a batch, the shorter the time between reading a delivery and moving
 * it, and the sooner a Ctrl-C is obeyed. A batch that has begun is always ended.
 */
import type { DeliveryId } from '../../src/domain/ids.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { replayDeliveries, type SettledDelivery } from '../../src/store/replay.ts';
import type { Store } from '../../src/store/store.ts';
import { chunks, visitPages, type Pages, type VisitEnd, type VisitOptions } from './search.ts';
import { Tally } from './tally.ts';

export interface RunDeps {
  readonly store: Store;
  readonly clock: Clock;
}

export interface RunOptions extends VisitOptions {
  /** Deliveries made ready per second; null for as fast as it goes beside others: half of the time is theirs. */
  readonly ratePerSecond: number | null;
  readonly onBatch?: (progress: RunProgress) => void;
}

/** What has been done so far: whoever is interrupted or cut off still has it. */
export class RunProgress {
  readonly replayed = new Tally();
  readonly ids: DeliveryId[] = [];
  movedOn = 0;
  gone = 0;

  get handled(): number {
    return this.replayed.total + this.movedOn + this.gone;
  }
}

const BATCH = 100;
/** A rate is kept in steps of this length. */
const STEPS_PER_SECOND = 5;

export async function replayPages({ store, clock }: RunDeps, pages: Pages, options: RunOptions, progress = new RunProgress()): Promise<VisitEnd> {
  const { ratePerSecond, signal, onBatch } = options;
  const size = ratePerSecond === null ? BATCH : Math.min(BATCH, Math.ceil(ratePerSecond / STEPS_PER_SECOND));
  let nextAt = clock.monotonic();

  async function replayBatch(batch: readonly SettledDelivery[]): Promise<void> {
    const startedAt = clock.monotonic();
    const { replayed, movedOn, gone } = await replayDeliveries(store, batch);
    for (const delivery of replayed) {
      progress.replayed.add(delivery);
      progress.ids.push(delivery.id);
    }
    progress.movedOn += movedOn.length;
    progress.gone += gone.length;
    onBatch?.(progress);
    nextAt = ratePerSecond === null ? afterARest(startedAt) : startedAt + (batch.length / ratePerSecond) * 1_000;
  }

  /** As long as the batch took: MongoDB, and the processors that send what is ready, have live events to serve as well. */
  const afterARest = (startedAt: number): number => clock.monotonic() + (clock.monotonic() - startedAt);

  /** Counted from the last batch and not from the start, so that time spent searching is not made up for by a burst. */
  async function waitForTurn(): Promise<void> {
    const waitMs = nextAt - clock.monotonic();
    if (waitMs > 0) await clock.sleep(waitMs, signal);
  }

  return visitPages(pages, options, async (page) => {
    for (const batch of chunks(page, size)) {
      await waitForTurn();
      if (signal.aborted) return;
      await replayBatch(batch);
    }
  });
}
