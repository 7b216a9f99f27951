/** Waits until replayed deliveries are settled again: asks the database about those that are still open, slower each time. */
import type { DeliveryId } from '../../src/domain/ids.ts';
import { findSettledAmong } from '../../src/store/replay.ts';
import type { RunDeps } from './run.ts';
import { chunks } from './search.ts';
import { Tally } from './tally.ts';

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onRound?: (settled: number, open: number) => void;
}

export interface WaitResult {
  readonly end: 'settled' | 'timedOut' | 'interrupted';
  readonly delivered: number;
  readonly dead: Tally;
  readonly open: number;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;
const GROWTH = 1.5;
/** However much there is to ask about, the database has this many times the time of a round for its real work. */
const REST = 5;
const PAGE = 1_000;

export async function waitUntilSettled({ store, clock }: RunDeps, ids: readonly DeliveryId[], { timeoutMs, signal, onRound }: WaitOptions): Promise<WaitResult> {
  const deadline = clock.monotonic() + timeoutMs;
  const open = new Set(ids);
  const dead = new Tally();

  async function ask(): Promise<void> {
    for (const page of chunks([...open], PAGE)) {
      for (const delivery of await findSettledAmong(store, page)) {
        open.delete(delivery.id);
        if (delivery.state === 'dead') dead.add(delivery);
      }
      onRound?.(ids.length - open.size, open.size);
    }
  }

  const resultAs = (end: WaitResult['end']): WaitResult => ({ end, delivered: ids.length - open.size - dead.total, dead, open: open.size });
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * GROWTH)) {
    const askedAt = clock.monotonic();
    await ask();
    if (open.size === 0) return resultAs('settled');
    if (signal.aborted) return resultAs('interrupted');
    const leftMs = deadline - clock.monotonic();
    if (leftMs <= 0) return resultAs('timedOut');
    await clock.sleep(Math.min(Math.max(pauseMs, REST * (clock.monotonic() - askedAt)), leftMs), signal);
  }
}
