/**
 * Marks of events (T4): the fan-out mark and the status, written with w:1 a moment after the deliveries they describe. Nothing
 * waits for them, so they are held back 100 ms and written together, one statement for each status word. What a crash loses
 * here the sweep puts right.
 *
 * Whether an event is done, and how it ended, is known
 *   from what was just written, when it has one target
 *   from the tally, when all its deliveries ended here
 *   by whoever settles the last one, while one of them is still in memory here: nothing is done until then
 *   by the database otherwise, read after one's own write, so that of two processors the later one sees all
 */
import type { EventStatus } from '../domain/event.ts';
import { eventStatusOf, type DeliveryProgress } from '../domain/event-status.ts';
import { deliveryIdOf, type DeliveryId, type EventId, type TargetId } from '../domain/ids.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Persist } from '../runtime/persist.ts';
import { progressOf } from '../store/deliveries.ts';
import { markEvents, type EventHead } from '../store/events.ts';
import { restateEvents } from '../store/replay.ts';
import type { Store } from '../store/store.ts';
import { Tally } from './tally.ts';

export interface EventMark {
  readonly eventId: EventId;
  readonly targetIds: readonly TargetId[];
  /** What was just written about one of its deliveries; null to go by the database alone. */
  readonly progress: (DeliveryProgress & { readonly targetId: TargetId }) | null;
  readonly onMarked?: () => void;
}

export interface Marker {
  note(mark: EventMark): void;
  /** Writes what is held back, now; resolves when nothing is left. */
  flush(): Promise<void>;
}

export interface MarkerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly persist: Persist;
  /** Whether a lane here knows this delivery, and so will settle it or has. */
  readonly isInMemory: (targetId: TargetId, id: DeliveryId) => boolean;
}

const HOLD_BACK_MS = 100;
const PAGE = 1_000;

/** What one page of marks says of an event with several targets. */
interface Told extends EventHead {
  /** Something that only the database knows. */
  isDoubtful: boolean;
  /** Its deliveries that wait now: written, and not the end. */
  readonly waiting: Set<TargetId>;
}

export function createMarker({ store, clock, persist, isInMemory }: MarkerDeps): Marker {
  const held: EventMark[] = [];
  const tally = new Tally();
  let writing: Promise<void> | null = null;
  let hurry = new AbortController();

  async function statusesOf(marks: readonly EventMark[]): Promise<ReadonlyMap<EventId, EventStatus>> {
    const statuses = new Map<EventId, EventStatus>();
    const told = new Map<EventId, Told>();
    for (const mark of marks) {
      const { eventId, targetIds, progress } = mark;
      if (targetIds.length === 1 && progress !== null) statuses.set(eventId, eventStatusOf(1, [progress]));
      else take(mark, told);
    }
    const unsure = [...told.values()].filter((event) => !isKnownHere(event, statuses));
    if (unsure.length > 0) await addFromDatabase(unsure, statuses);
    return statuses;
  }

  function take({ eventId: id, targetIds, progress }: EventMark, told: Map<EventId, Told>): void {
    const event = told.get(id) ?? { id, targetIds, isDoubtful: false, waiting: new Set() };
    told.set(id, event);
    if (progress === null) event.isDoubtful = true;
    else if (progress.state === 'delivered' || progress.state === 'dead') tally.note(id, progress.targetId, progress);
    else event.waiting.add(progress.targetId);
  }

  /** Whether the database need not be asked; adds the word when it is known. */
  function isKnownHere({ id, targetIds, isDoubtful, waiting }: Told, statuses: Map<EventId, EventStatus>): boolean {
    const ended = tally.of(id);
    if (ended.size >= targetIds.length) {
      statuses.set(id, eventStatusOf(targetIds.length, [...ended.values()]));
      tally.forget(id);
      return true;
    }
    return !isDoubtful && targetIds.some((targetId) => !ended.has(targetId) && !waiting.has(targetId) && isInMemory(targetId, deliveryIdOf(id, targetId)));
  }

  async function addFromDatabase(unsure: readonly EventHead[], statuses: Map<EventId, EventStatus>): Promise<void> {
    const progress = await progressOf(store, unsure);
    for (const { id, targetIds } of unsure) {
      const known = progress.get(id) ?? [];
      tally.forget(id);
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
