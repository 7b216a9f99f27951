/**
 * Status words are marked with w:1 a moment after the deliveries they describe are settled, so a crash or a failover can lose
 * the last of them. This goes through the deliveries settled around such a moment and puts their events right. A status is a
 * projection: computing it again is always safe.
 */
import { eventStatusOf } from '../domain/event-status.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import { findSettledSince, progressOf } from '../store/deliveries.ts';
import { findUnsettled, repairStatuses } from '../store/events.ts';
import type { Store } from '../store/store.ts';

export interface Repair {
  /** Marks written since then, on the server's clock, may be lost; nothing before is in doubt. */
  readonly suspect: (since: Date) => void;
  /** Goes through what is in doubt; does nothing when nothing is. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

const PAGE = 1_000;
/** Marks of the newest settlements are still on their way. */
const SETTLING_MS = 1_000;

export function createRepair(store: Store, serverClock: ServerClock): Repair {
  let since: Date | null = null;

  async function repairPage(settled: readonly { readonly eventId: Parameters<typeof progressOf>[1][number] }[]): Promise<void> {
    const unsettled = await findUnsettled(store, [...new Set(settled.map(({ eventId }) => eventId))]);
    if (unsettled.length === 0) return;
    const progress = await progressOf(store, unsettled.map(({ id }) => id));
    const wrong = unsettled.map(({ id, targetIds, status }) => ({ id, from: status, to: eventStatusOf(targetIds.length, progress.get(id) ?? []) }));
    await repairStatuses(store, wrong.filter(({ from, to }) => from !== to));
  }

  return {
    suspect(moment) {
      if (since === null || moment < since) since = moment;
    },
    async run(signal) {
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
