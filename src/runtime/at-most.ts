/** Waits for work that is wanted done, and may not be: until it has ended, well or not, and never longer than so. */
import type { Clock } from './clock.ts';

export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const ended = new AbortController();
  const done = work.then(() => undefined, () => undefined).finally(() => ended.abort());
  await Promise.race([done, clock.sleep(ms, ended.signal)]);
}
