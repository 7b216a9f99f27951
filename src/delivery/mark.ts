/**
 * Marks of events (T4): the fan-out mark and the status, written with w:1 a moment after the deliveries they describe. Nothing
 * waits for them, so they are held back 100 ms and written together, one statement for each status word. What a crash loses
 * here the sweep puts right.
 */
import type { EventStatus } from '../domain/event.ts';
import { eventStatusOf, type DeliveryProgress } from '../domain/event-status.ts';
import type { EventId, TargetId } from '../domain/ids.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Persist } from '../runtime/persist.ts';
import { progressOf } from '../store/deliveries.ts';
import { markEvents, type EventHead } from '../store/events.ts';
import { restateEvents } from '../store/replay.ts';
import type { Store } from '../store/store.ts';

export interface EventMark {
  readonly eventId: EventId;
  readonly targetIds: readonly TargetId[];
  /** What was just written about one of its deliveries; null to go by the database alone. */
  readonly progress: DeliveryProgress | null;
  readonly onMarked?: () => void;
}

export interface Marker {
  note(mark: EventMark): void;
  /** Writes what is held back, now; resolves when nothing is left. */
  flush(): Promise<void>;
}

const HOLD_BACK_MS = 100;
const PAGE = 1_000;

export function createMarker(store: Store, clock: Clock, persist: Persist): Marker {
  const held: EventMark[] = [];
  let writing: Promise<void> | null = null;
  let hurry = new AbortController();

  /** An event with one target is described by what was just written; of the others, the database knows the rest. */
  async function statusesOf(marks: readonly EventMark[]): Promise<ReadonlyMap<EventId, EventStatus>> {
    const statuses = new Map<EventId, EventStatus>();
    const unsure = new Map<EventId, EventHead>();
    for (const { eventId: id, targetIds, progress } of marks) {
      if (targetIds.length === 1 && progress !== null) statuses.set(id, eventStatusOf(1, [progress]));
      else unsure.set(id, { id, targetIds });
    }
    if (unsure.size > 0) await addFromDatabase([...unsure.values()], statuses);
    return statuses;
  }

  async function addFromDatabase(unsure: readonly EventHead[], statuses: Map<EventId, EventStatus>): Promise<void> {
    const progress = await progressOf(store, unsure);
    for (const { id, targetIds } of unsure) {
      const known = progress.get(id) ?? [];
      if (known.length >= targetIds.length) statuses.set(id, eventStatusOf(targetIds.length, known));
    }
  }

  /** What was replayed, or is settled already, is not marked by what we know of it. */
  async function markOrRestate(status: EventStatus, ids: readonly EventId[]): Promise<void> {
    if (!(await markEvents(store, status, ids))) await restateEvents(store, ids);
  }

  async function writePage(marks: readonly EventMark[]): Promise<void> {
    await persist('event marks', async () => {
      const byStatus = new Map<EventStatus, EventId[]>();
      for (const [eventId, status] of await statusesOf(marks)) {
        const ids = byStatus.get(status);
        if (ids === undefined) byStatus.set(status, [eventId]);
        else ids.push(eventId);
      }
      await Promise.all([...byStatus].map(([status, ids]) => markOrRestate(status, ids)));
    });
  }

  async function writeAll(): Promise<void> {
    await clock.sleep(HOLD_BACK_MS, hurry.signal);
    while (held.length > 0) {
      const page = held.splice(0, PAGE);
      await writePage(page).catch(() => undefined); // Given up only at the end of the process; the sweep repairs it.
      for (const { onMarked } of page) onMarked?.();
    }
    writing = null;
  }

  return {
    note(mark) {
      held.push(mark);
      writing ??= writeAll();
    },
    async flush() {
      hurry.abort();
      while (writing !== null) await writing;
      hurry = new AbortController();
    },
  };
}
