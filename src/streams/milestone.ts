/**
 * How far a stream has come that never runs dry: under a steady load there is always more to tell, yet what was written
 * before some moment has all been told. Asks the server for its time now and then, and notices when the stream has passed it.
 */
import type { Clock } from '../runtime/clock.ts';
import { hasReached, type StreamPosition } from '../store/change-stream.ts';

export interface Milestone {
  /** A moment of the monotonic clock, up to which everything has been told at this position; null when there is no new one. */
  passed(position: StreamPosition): number | null;
}

/** Asked no more often than this, so that it costs one command a second at most. */
const EVERY_MS = 1_000;

/**
 * For one open stream: another one may start elsewhere.
 * @param clusterTime of the server, now. Never waited for, since on a dead connection it is not answered; asked again if it fails.
 */
export function createMilestone(clock: Pick<Clock, 'monotonic'>, clusterTime: () => Promise<StreamPosition['clusterTime']>): Milestone {
  let askedAtMs = -Infinity;
  let mark: { readonly atMs: number; readonly time: StreamPosition['clusterTime'] } | null = null;

  function ask(): void {
    const atMs = (askedAtMs = clock.monotonic());
    void clusterTime().then((time) => (mark = { atMs, time }), () => undefined);
  }

  return {
    passed(position) {
      const atMs = mark !== null && hasReached(position, mark.time) ? mark.atMs : null;
      if (atMs !== null) mark = null;
      if (mark === null && clock.monotonic() - askedAtMs >= EVERY_MS) ask();
      return atMs;
    },
  };
}
