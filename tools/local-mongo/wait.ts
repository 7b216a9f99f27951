/**
 * Waiting, bounded and abortable: every wait of the launcher goes through here.
 * Probes repeat every few milliseconds; a local mongod answers in tens of them, so longer pauses would be most of the start.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Completes "Gave up after 5000 ms waiting for …". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

const probeEveryMs = 10;

/** Repeats `probe` until it returns something other than undefined. */
export async function waitUntil<T>(probe: () => Promise<T | undefined>, { what, timeoutMs, signal }: WaitOptions): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const result = await probe();
    if (result !== undefined) return result;
    if (performance.now() >= deadline) throw new Error(`Gave up after ${timeoutMs} ms waiting for ${what}`);
    await pause(signal);
  }
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(probeEveryMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted(); // The caller's reason says more than the timer's own AbortError.
    throw error;
  }
}

/** One promise with a bound; its timer also keeps the process alive while an unreferenced child is awaited. */
export async function bounded<T>(work: Promise<T>, { what, timeoutMs, signal }: WaitOptions): Promise<T> {
  signal?.throwIfAborted();
  const timer = new AbortController();
  const limit = (async (): Promise<never> => {
    await sleep(timeoutMs, undefined, { signal: signal === undefined ? timer.signal : AbortSignal.any([timer.signal, signal]) });
    throw new Error(`Gave up after ${timeoutMs} ms waiting for ${what}`);
  })();
  try {
    return await Promise.race([work, limit]);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    timer.abort();
    await limit.catch(() => undefined);
  }
}
