/**
 * The change feed: opens the stream by the opening rules, hands on batch after batch, and opens it again after every error,
 * for ever. States: opening → catching up → live, and back to opening.
 *
 *   caught up: it has run dry, or passed a moment of the cluster's time that was asked for since it was opened
 *   opening: after the place in memory; else the stored token; else the stored time; else now
 *   an error that passes: open again from the place in memory, after 100 ms, doubling to 5 s
 *   a place that is useless: forget it (compare-and-set), one warning, open at now; the sweep finds what was missed
 *   no answer for longer than the patience: the connection is dead without a word; as above, on fresh sockets
 *   no rights, no replica set: the process ends with one clear line
 *
 * The sweep waits for what the stream has yet to tell, so a stream that is off or stuck must not hold it up: what is told
 * after that is looked up first, as when catching up.
 */
import { atMost } from '../runtime/at-most.ts';
import type { Clock } from '../runtime/clock.ts';
import { FatalError, messageOf } from '../runtime/errors.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import { createLoop, type Service } from '../runtime/service.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { clusterTimeNow, hasReached, openChangeReader, startOf, timeOfStart, type Change, type ChangeBatch, type ChangeReader, type StreamPosition, type StreamStart } from '../store/change-stream.ts';
import type { Connection } from '../store/client.ts';
import { streamFaultOf } from '../store/stream-errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { createMilestone, type Milestone } from './milestone.ts';
import { createPatience, OverdueError } from './patience.ts';
import type { Fail } from './ports.ts';

export interface FeedDeps {
  /** Of its own: a waiting stream holds a socket, and a stuck one has them all replaced. */
  readonly connection: Pick<Connection, 'db' | 'renew'>;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly telemetry: Telemetry;
  readonly checkpoint: Checkpoint;
  readonly fail: Fail;
  /** Deals with a batch to the end; answers how many deliveries came of it. */
  readonly handle: (changes: readonly Change[], catchingUp: boolean) => Promise<number>;
  /** The stream has told all that was written before this moment of the monotonic clock; `first`: for the first time since it was opened. */
  readonly onCaughtUp: (asOfMs: number, first: boolean) => void;
}

export interface Feed extends Service {
  /**
   * Whether the stream has told everything that was written before this call, or will have it looked up when it does; waits up
   * to `timeoutMs` for it.
   */
  readonly reached: (timeoutMs: number, signal: AbortSignal) => Promise<boolean>;
}

/**
 * Under a load the next batch is read a little later and is larger: each reading costs the server a turn of its own. The less
 * came with the last one, the sooner; what comes after a pause is told at once.
 */
const READ_SPACING_MS = 5;
const READ_SPACING_MS_EACH = 0.5;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const CLOSE_MS = 1_000;
/** A read is answered within two seconds, later only when it has much to look through or nothing comes at all. */
const STUCK_AFTER_MS = 3_500;
/** Opening takes some milliseconds; whoever cannot wait for it has to do with a stream that is off. */
const OFF_AFTER_MS = 500;

interface OpenStream {
  readonly reader: ChangeReader;
  readonly milestone: Milestone;
  /** The token it was opened with, until that has proved good. */
  unprovenToken: unknown;
  catchingUp: boolean;
  /** The sweep went ahead of the stream then: only what is known of a later moment ends the catching up. */
  overtakenAtMs: number;
  /** When the read under way was asked; null between reads. */
  askedAtMs: number | null;
  readonly openedAtMs: number;
  changes: number;
  offered: number;
}

export function createFeed(deps: FeedDeps): Feed {
  const { connection, clock, serverClock, telemetry, checkpoint, handle, onCaughtUp, fail } = deps;
  const patience = createPatience(clock);
  let open: OpenStream | null = null;
  let offSinceMs = clock.monotonic();
  let position: StreamPosition | null = null;
  let toldUpToMs = -Infinity;
  let pauseMs = FIRST_PAUSE_MS;
  let lastReadMs = -Infinity; // On the monotonic clock.
  let lastCount = 0;

  async function chooseStart(): Promise<{ readonly start: StreamStart; readonly ageMs: number | null }> {
    if (position !== null) return { start: { after: position.token, clusterTime: position.clusterTime }, ageMs: 0 };
    const now = await clusterTimeNow(connection.db);
    const stored = await checkpoint.load();
    if (stored === null) return { start: { at: now }, ageMs: null };
    const start = startOf(stored);
    // A place ahead of the server's time belongs to another cluster; a stream started there would open and stay silent.
    if (timeOfStart(start).greaterThan(now)) return { start: { at: now }, ageMs: null };
    return { start, ageMs: Math.max(0, serverClock.now() - stored.savedAt.getTime()) };
  }

  async function openStream(signal: AbortSignal): Promise<OpenStream> {
    const { start, ageMs } = await patience.within(chooseStart, signal);
    const after = 'after' in start ? start.after : undefined;
    telemetry.emit('stream.opened', { from: after !== undefined ? 'token' : ageMs === null ? 'now' : 'time', ageMs });
    return { reader: openChangeReader(connection.db, start), milestone: createMilestone(clock, () => clusterTimeNow(connection.db)), unprovenToken: after, catchingUp: true, overtakenAtMs: -Infinity, askedAtMs: null, openedAtMs: clock.monotonic(), changes: 0, offered: 0 };
  }

  const pauseLeftMs = (): number => lastReadMs + Math.min(lastCount * READ_SPACING_MS_EACH, READ_SPACING_MS) - clock.monotonic();

  async function read(stream: OpenStream, signal: AbortSignal): Promise<ChangeBatch> {
    if (pauseLeftMs() > 0) await clock.sleep(pauseLeftMs(), signal);
    lastReadMs = clock.monotonic();
    stream.askedAtMs = clock.monotonic();
    const batch = await patience.within(() => stream.reader.next(), signal);
    lastCount = batch.changes.length;
    stream.askedAtMs = null;
    stream.unprovenToken = undefined;
    pauseMs = FIRST_PAUSE_MS;
    patience.reset();
    return batch;
  }

  async function takeBatch(stream: OpenStream, signal: AbortSignal): Promise<void> {
    const askedAtMs = clock.monotonic();
    const batch = await read(stream, signal);
    stream.changes += batch.changes.length;
    stream.offered += await handle(batch.changes, stream.catchingUp);
    await moveTo(batch);
    const asOfMs = batch.dry ? askedAtMs : stream.milestone.passed(batch.position);
    if (asOfMs !== null) catchUp(stream, asOfMs);
    if (batch.changes.some(({ kind }) => kind === 'invalidated')) throw new InvalidatedError();
  }

  async function moveTo(batch: ChangeBatch): Promise<void> {
    position = batch.position;
    if (!batch.dry) telemetry.emit('stream.batchRead', { changes: batch.changes.length });
    await checkpoint.note(batch.position, !batch.dry);
  }

  function catchUp(stream: OpenStream, asOfMs: number): void {
    const first = stream.catchingUp && asOfMs > stream.overtakenAtMs;
    if (first) stream.catchingUp = false;
    toldUpToMs = Math.max(toldUpToMs, asOfMs);
    if (first) telemetry.emit('stream.caughtUp', { changes: stream.changes, offered: stream.offered, tookMs: clock.monotonic() - stream.openedAtMs });
    onCaughtUp(asOfMs, first);
  }

  /** Decides about an error; answers how long to wait before opening again. */
  async function recover(error: unknown, stream: OpenStream | null): Promise<number> {
    const resuming = stream?.unprovenToken !== undefined;
    const fault = error instanceof InvalidatedError ? 'historyLost' : streamFaultOf(error, resuming);
    if (fault === 'fatal') {
      fail(new FatalError('stream_refused', `MongoDB refused the change stream: ${messageOf(error)}`, { cause: error, fix: 'use a replica set, and a user with the readWrite role on the database' }));
      return LONGEST_PAUSE_MS;
    }
    if (fault === 'historyLost') return loseHistory(error);
    telemetry.emit('stream.closed', { error: messageOf(error) });
    const waitMs = pauseMs;
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    return waitMs;
  }

  /** What is stored is no newer than the place in memory, so it is as useless. */
  async function loseHistory(error: unknown): Promise<number> {
    position = null;
    const stored = await checkpoint.load();
    if (stored !== null) await checkpoint.clear(stored.token);
    telemetry.emit('history.lost', { error: messageOf(error) });
    return 0;
  }

  async function turn(signal: AbortSignal): Promise<number> {
    try {
      open ??= await openStream(signal);
      await takeBatch(open, signal);
      return 0;
    } catch (error) {
      const broken = open;
      if (broken !== null) offSinceMs = clock.monotonic();
      open = null;
      await letGo(broken, error);
      return signal.aborted ? 0 : await recover(error, broken);
    }
  }

  /** A read that is under way ends with the stream; on a dead connection nothing can be closed any more. */
  async function letGo(broken: OpenStream | null, error: unknown): Promise<void> {
    if (error instanceof OverdueError) connection.renew();
    else if (broken !== null) await atMost(clock, CLOSE_MS, broken.reader.close());
  }

  /** Whether the stream is off, or tells nothing though asked long ago. The sweep goes ahead of it then. */
  function overtake(): boolean {
    const now = clock.monotonic();
    if (open === null) return now - offSinceMs >= OFF_AFTER_MS;
    if (open.askedAtMs === null || now - open.askedAtMs < STUCK_AFTER_MS) return false;
    open.catchingUp = true;
    open.overtakenAtMs = now;
    return true;
  }

  const loop = createLoop({ clock, telemetry }, { name: 'feed', turn, retryMs: FIRST_PAUSE_MS });

  return {
    start: () => loop.start(),
    async stop() {
      await loop.stop();
      await letGo(open, null);
      open = null;
      await checkpoint.save().catch((error: unknown) => telemetry.emit('write.retried', { write: 'resume token', error: messageOf(error) }));
    },
    async reached(timeoutMs, signal) {
      const askedAtMs = clock.monotonic();
      let moment: StreamPosition['clusterTime'] | null = null;
      // Not waited for: on a dead connection it is never answered.
      void clusterTimeNow(connection.db).then((time) => (moment = time), () => undefined);
      const told = (): boolean => toldUpToMs > askedAtMs || (position !== null && moment !== null && hasReached(position, moment)) || overtake();
      while (!told() && clock.monotonic() - askedAtMs < timeoutMs && !signal.aborted) await clock.sleep(50, signal);
      return told();
    },
  };
}

/** The database was dropped under the stream: its token can never be resumed. */
class InvalidatedError extends Error {
  override readonly name = 'InvalidatedError';
  override readonly message = 'the database was dropped, so the stream has ended';
}
