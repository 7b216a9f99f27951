/** Keeps a program without lanes up to date about targets: reads them again whenever the stream says that some have changed. */
import type { Clock } from '../runtime/clock.ts';
import { createLoop, type Service } from '../runtime/service.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { clusterTimeNow, openChangeReader, type ChangeReader } from '../store/change-stream.ts';
import type { Store } from '../store/store.ts';
import type { TargetBook } from '../store/target-book.ts';

export interface TargetWatchDeps {
  /** On a client of its own: a waiting stream holds a connection. */
  readonly store: Store;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly targets: TargetBook;
}

export function createTargetWatch({ store, clock, telemetry, targets }: TargetWatchDeps): Service {
  let reader: ChangeReader | null = null;

  /** From now on, and then a full reading: nothing falls between the two. */
  async function open(): Promise<ChangeReader> {
    const opened = openChangeReader(store.db, 'targets', { at: await clusterTimeNow(store.db) });
    await targets.refresh();
    return opened;
  }

  async function turn(signal: AbortSignal): Promise<number> {
    const close = (): void => void reader?.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      reader ??= await open();
      const { changes } = await reader.next();
      if (changes.length > 0) await targets.refresh();
      if (changes.some(({ kind }) => kind === 'invalidated')) throw new Error('The database was dropped, so the stream has ended');
      return 0;
    } catch (error) {
      await reader?.close().catch(() => undefined);
      reader = null;
      throw error;
    } finally {
      signal.removeEventListener('abort', close);
    }
  }

  const loop = createLoop({ clock, telemetry }, { name: 'target watch', turn, retryMs: 1_000 });
  return {
    start: () => loop.start(),
    async stop() {
      await loop.stop();
      await reader?.close();
      reader = null;
    },
  };
}
