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

  /** Until that moment, by the server's clock, somebody was well; what was settled a little before may be unmarked. */
  function suspectSince(lastWell: number): void {
    const moment = new Date(lastWell - HELD_BACK_AT_MOST_MS);
    if (since === null || moment < since) since = moment;
  }

  /** A death is noticed only when somebody looks, and that may be long after. */
  async function reachBack(): Promise<void> {
    for (let from: Date | null = null; since !== null && since !== from; ) {
      from = since;
      const lastLife = await lastLifeOfDead(store, from);
      if (lastLife !== null) suspectSince(lastLife.getTime());
    }
  }

  return {
    suspectRecent: () => suspectSince(serverClock.now()),
    async run(signal) {
      await reachBack();
      while (since !== null && !signal.aborted) {
        const page = await findSettledSince(store, since, PAGE);
        await repairPage(page);
        const last = page.at(-1)?.settledAt;
        if (last === undefined || page.length < PAGE || last.getTime() > serverClock.now() - SETTLING_MS) since = null;
        else since = last > since ? last : new Date(last.getTime() + 1);
      }
    },
  };
}
