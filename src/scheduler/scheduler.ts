/**
 * The scheduler (T7): flips timers that are due, by the server's clock, so that each comes back as exactly one change event.
 * Every processor runs one; the compare in the flip keeps them from firing twice. It sleeps until the next timer it knows of,
 * and looks for those of others every 15 s.
 */
import type { Clock } from '../runtime/clock.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import { createLoop, type Service } from '../runtime/service.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { fireDueTimers, nextDueAt } from '../store/schedule.ts';
import type { Store } from '../store/store.ts';

export interface SchedulerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly telemetry: Telemetry;
}

export interface Scheduler extends Service {
  /** A timer was written that is due then, on the server's clock. */
  expect(dueAt: Date): void;
}

/** For timers of others: what is due is found by its time as well, by the sweep of its lane's owner. */
const LOOK_EVERY_MS = 15_000;
/** A timer is asked for again no sooner than this, should the two clocks differ by a hair. */
const SHORTEST_WAIT_MS = 5;
const PAGE = 1_000;
/**
 * Between full pages: 4,000 timers a second at most. Each comes back as a change event, and events wait behind those in the one
 * stream; what is due and not yet fired is found by its time all the same, as soon as its lane has room.
 */
const BETWEEN_PAGES_MS = 250;

export function createScheduler({ store, clock, serverClock, telemetry }: SchedulerDeps): Scheduler {
  let wakeAtMs = Infinity;
  /** On the monotonic clock. A timer announced meanwhile does not end the pause: it is due after those that wait. */
  let pausedUntilMs = -Infinity;

  async function turn(): Promise<number> {
    const pauseMs = pausedUntilMs - clock.monotonic();
    if (pauseMs > 0) return pauseMs;
    wakeAtMs = Infinity;
    const next = await nextDueAt(store);
    const waitMs = next === null ? LOOK_EVERY_MS : next.getTime() - serverClock.now();
    return waitMs > 0 ? plan(Math.min(Math.max(waitMs, SHORTEST_WAIT_MS), LOOK_EVERY_MS)) : fire();
  }

  /** The server judges what is due; when it finds nothing yet, the two clocks differ by a hair. */
  async function fire(): Promise<number> {
    const { fired, more } = await fireDueTimers(store, PAGE);
    if (fired > 0) telemetry.emit('timer.fired', { count: fired });
    return more ? pause() : fired > 0 ? 0 : SHORTEST_WAIT_MS;
  }

  function pause(): number {
    pausedUntilMs = clock.monotonic() + BETWEEN_PAGES_MS;
    return BETWEEN_PAGES_MS;
  }

  /** A timer may have been announced while we were reading. */
  function plan(waitMs: number): number {
    const announcedMs = wakeAtMs - serverClock.now();
    const sooner = Math.max(Math.min(waitMs, announcedMs), SHORTEST_WAIT_MS);
    wakeAtMs = serverClock.now() + sooner;
    return sooner;
  }

  const loop = createLoop({ clock, telemetry }, { name: 'scheduler', turn, retryMs: 500 });

  return {
    start: () => loop.start(),
    stop: () => loop.stop(),
    expect(dueAt) {
      if (dueAt.getTime() >= wakeAtMs) return;
      wakeAtMs = dueAt.getTime();
      loop.nudge();
    },
  };
}
