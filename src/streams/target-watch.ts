/** Keeps a program without lanes up to date about targets: reads them again whenever the stream says that some have changed. */
import { atMost } from '../runtime/at-most.ts';
import type { Clock } from '../runtime/clock.ts';
import { createLoop, type Service } from '../runtime/service.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { clusterTimeNow, openChangeReader, type ChangeReader } from '../store/change-stream.ts';
import type { Connection } from '../store/client.ts';
import type { TargetBook } from '../store/target-book.ts';
import { createPatience, OverdueError } from './patience.ts';

export interface TargetWatchDeps {
  /** Of its own: a waiting stream holds a socket, and a stuck one has them all replaced. */
  readonly connection: Pick<Connection, 'db' | 'renew'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly targets: TargetBook;
}

const CLOSE_MS = 1_000;

export function createTargetWatch({ connection, clock, telemetry, targets }: TargetWatchDeps): Service {
  const patience = createPatience(clock);
  let reader: ChangeReader | null = null;

  /** From now on, and then a full reading: nothing falls between the two. */
  async function open(): Promise<ChangeReader> {
    const { db } = connection;
    const opened = openChangeReader(db, 'targets', { at: await clusterTimeNow(db) });
    await targets.refresh();
    return opened;
  }

  async function takeBatch(from: ChangeReader, signal: AbortSignal): Promise<void> {
    const { changes } = await patience.within(() => from.next(), signal);
    patience.reset();
    if (changes.length > 0) await targets.refresh();
    if (changes.some(({ kind }) => kind === 'invalidated')) throw new Error('The database was dropped, so the stream has ended');
  }

  async function turn(signal: AbortSignal): Promise<number> {
    try {
      reader ??= await patience.within(open, signal);
      await takeBatch(reader, signal);
      return 0;
    } catch (error) {
      if (error instanceof OverdueError) connection.renew();
      else await close();
      reader = null;
      throw error;
    }
  }

  async function close(): Promise<void> {
    if (reader !== null) await atMost(clock, CLOSE_MS, reader.close());
  }

  const loop = createLoop({ clock, telemetry }, { name: 'target watch', turn, retryMs: 1_000 });
  return {
    start: () => loop.start(),
    async stop() {
      await loop.stop();
      await close();
      reader = null;
    },
  };
}
