/**
 * When the stream's place is written down: at most every 500 ms while it moves, every 10 s while it idles (a quiet
 * collection would otherwise let its token age out of the oplog), and on stop. It is saved only after every change before it
 * is in a lane's memory or parked; what memory loses in a crash, the sweep finds again.
 */
import type { Clock } from '../runtime/clock.ts';
import { PIPELINE_HASH, type StreamPosition } from '../store/change-stream.ts';
import { clearResumePoint, loadResumePoint, saveResumePoint, type ResumePoint } from '../store/resume-tokens.ts';
import type { Store } from '../store/store.ts';

export interface Checkpoint {
  load(): Promise<(ResumePoint & { readonly savedAt: Date }) | null>;
  /** Notes the newest place, and saves it when it is time. `moved`: the stream told something. */
  note(position: StreamPosition, moved: boolean): Promise<void>;
  /** Saves the newest place now. */
  save(): Promise<void>;
  /** Forgets a place that turned out useless, unless a newer one is stored. */
  clear(token: unknown): Promise<void>;
}

const SAVE_EVERY_MS = 500;
const IDLE_SAVE_EVERY_MS = 10_000;

/** @param member the name of this processor, known once its session has begun */
export function createCheckpoint(store: Store, clock: Clock, member: () => string): Checkpoint {
  let newest: StreamPosition | null = null;
  let moved = false;
  let savedAtMs = -Infinity;

  async function save(): Promise<void> {
    if (newest === null) return;
    const { token, clusterTime } = newest;
    savedAtMs = clock.monotonic();
    moved = false;
    await saveResumePoint(store, member(), { token, clusterTime, pipelineHash: PIPELINE_HASH });
  }

  return {
    load: () => loadResumePoint(store, member()),
    async note(position, hasMoved) {
      newest = position;
      moved ||= hasMoved;
      if (clock.monotonic() - savedAtMs >= (moved ? SAVE_EVERY_MS : IDLE_SAVE_EVERY_MS)) await save();
    },
    save,
    async clear(token) {
      newest = null;
      await clearResumePoint(store, member(), token);
    },
  };
}
