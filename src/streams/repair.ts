/**
 * Status words are marked with w:1 a moment after the deliveries they describe are settled, so a crash or a failover can lose
 * the last of them. This goes through the deliveries settled around such a moment and puts their events right. A status is a
 * projection: computing it again is always safe.
 */
import type { EventId } from '../domain/ids.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import { findSettledSince } from '../store/deliveries.ts';
import { findDoubtful } from '../store/events.ts';
import { restateEvents } from '../store/replay.ts';
import { lastLifeOfDead } from '../store/sessions.ts';
import type { Store } from '../store/store.ts';

export interface Repair {
  /** Marks of the last moments, or on their way just now, may be lost; nothing before is in doubt. */
  readonly suspectRecent: () => void;
  /** Goes through what is in doubt; does nothing when nothing is. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

const PAGE = 1_000;
/** Marks of the newest settlements are still on their way. */
const SETTLING_MS = 1_000;
/** Marks are written well within this time after the settlements they describe. */
const HELD_BACK_AT_MOST_MS = 30_000;

export function createRepair(store: Store, serverClock: ServerClock): Repair {
  let since: Date | null = null;

  async function repairPage(settled: readonly { readonly eventId: EventId }[]): Promise<void> {
    const doubtful = await findDoubtful(store, [...new Set(settled.map(({ eventId }) => eventId))]);
    if (doubtful.length > 0) await restateEvents(store, doubtful);
  }

  /**
   * Until that moment, by the server's clock, somebody was well; what was settled a little before may be unmarked. Always another
   * date than the one before, by which a round that is under way sees that there is something new to look at.
   */
  function suspectSince(lastWell: number): void {
    since = new Date(Math.min(lastWell - HELD_BACK_AT_MOST_MS, since?.getTime() ?? Infinity));
  }

  /** A death is noticed only when somebody looks, and that may be long after. */
  async function reachBack(): Promise<void> {
    for (let fromMs = NaN; since !== null && since.getTime() !== fromMs; ) {
      fromMs = since.getTime();
      const lastLife = await lastLifeOfDead(store, since);
      if (lastLife !== null) suspectSince(lastLife.getTime());
    }
  }

  /** Where the next page begins; null when this one was the last. */
  function after(from: Date, page: readonly { readonly settledAt: Date }[]): Date | null {
    const last = page.at(-1)?.settledAt;
    if (last === undefined || page.length < PAGE || last.getTime() > serverClock.now() - SETTLING_MS) return null;
    return last > from ? last : new Date(last.getTime() + 1);
  }

  return {
    suspectRecent: () => suspectSince(serverClock.now()),
    async run(signal) {
      await reachBack();
      for (let from = since; from !== null && !signal.aborted; from = since) {
        const page = await findSettledSince(store, from, PAGE);
        await repairPage(page);
        // What came into doubt meanwhile was not seen by this page.
        if (since === from) since = after(from, page);
      }
    },
  };
}
