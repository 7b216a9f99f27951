/**
 * One lifecycle for everything that runs: `start()` returns once running, `stop()` once all its work has ended. Both are
 * safe twice and out of order. `createLoop` is the only place where code repeats itself over time.
 */
import type { Clock } from './clock.ts';
import { messageOf } from './errors.ts';
import type { Telemetry } from './telemetry.ts';

export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface Loop extends Service {
  /** Makes the next turn come now, or right after the running one. */
  nudge(): void;
}

export interface LoopDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface LoopOptions {
  readonly name: string;
  /** One pass; answers how many milliseconds to wait before the next. A turn that answers 0 must have awaited real I/O. */
  readonly turn: (signal: AbortSignal) => Promise<number>;
  /** How long to wait after a turn that threw. */
  readonly retryMs?: number;
}

export function createLoop({ clock, telemetry }: LoopDeps, { name, turn, retryMs = 500 }: LoopOptions): Loop {
  let stopping: AbortController | null = null;
  let running: Promise<void> = Promise.resolve();
  let ended: Promise<void> = running;
  let wake = new AbortController();

  async function takeTurn(signal: AbortSignal): Promise<number> {
    try {
      return await turn(signal);
    } catch (error) {
      if (!signal.aborted) telemetry.emit('loop.failed', { loop: name, error: messageOf(error) });
      return retryMs;
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      wake = new AbortController();
      const waitMs = await takeTurn(signal);
      if (waitMs > 0) await clock.sleep(waitMs, wake.signal);
    }
  }

  return {
    async start(): Promise<void> {
      if (stopping === null) {
        const { signal } = (stopping = new AbortController());
        running = ended.then(() => run(signal));
      }
      await ended;
    },
    stop(): Promise<void> {
      if (stopping === null) return ended;
      stopping.abort();
      wake.abort();
      stopping = null;
      ended = running;
      return ended;
    },
    nudge: () => wake.abort(),
  };
}

/** Starts services in order; when one fails, stops those already started, in reverse, and throws. */
export async function startAll(services: readonly Service[]): Promise<void> {
  const started: Service[] = [];
  try {
    for (const service of services) {
      started.unshift(service);
      await service.start();
    }
  } catch (error) {
    // Why the start failed is what the operator must learn; a fault while clearing up would hide it.
    await stopAll(started).catch(() => undefined);
    throw error;
  }
}

/** Stops services one after the other, in the order given; the first fault is thrown once all have been tried. */
export async function stopAll(services: readonly Pick<Service, 'stop'>[]): Promise<void> {
  const faults: unknown[] = [];
  for (const service of services) await service.stop().catch((error: unknown) => faults.push(error));
  if (faults.length > 0) throw faults[0];
}
