/**
 * A hedged request (Dean and Barroso, "The Tail at Scale", 2013): asks again, on another connection, when there has been no answer
 * for `everyMs`, and gives none of them up: on a slow server the first may be the fastest still. The first to end counts.
 * Only for what may be done twice.
 */
import type { Clock } from './clock.ts';

export function hedged<T>(clock: Clock, everyMs: number, ask: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const now = (): Promise<T> => Promise.race([ask(), later()]);
  const later = async (): Promise<T> => {
    await clock.sleep(everyMs, over.signal);
    over.signal.throwIfAborted();
    return now();
  };
  return now().finally(() => over.abort());
}
