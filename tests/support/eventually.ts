/**
 * The one way a test waits for something it cannot be told of: repeats an assertion until it holds, within one shared limit.
 * The last failure is what the test reports, so the assertion's own message names what was missing.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

export async function eventually<T>(assertion: () => T | Promise<T>, { timeoutMs = 10_000, everyMs = 15 }: EventuallyOptions = {}): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await sleep(everyMs);
  }
}
