/**
 * `GET /api/v1/targets/:id/statistics`: how a target has been doing over the last 24 hours, by what its lane owners counted, and
 * what waits for it now. A few bounded reads, by their own indexes. Counts come ten seconds late at most.
 */
import { latencyQuantile } from '../domain/latency.ts';
import type { Target } from '../domain/target.ts';
import type { Clock } from '../runtime/clock.ts';
import { findLane } from '../store/lanes.ts';
import { countOpen, firstWakeAt } from '../store/status.ts';
import type { Store } from '../store/store.ts';
import { findHours, HOUR_MS, type HourCounts } from '../store/target-hours.ts';
import type { Shown } from './target-view.ts';

const HOURS = 24;
const BACKLOG_COUNTED_TO = 10_000;

export async function targetStatistics(store: Store, clock: Clock, { id, status, statusReason }: Target): Promise<Shown> {
  const thisHourMs = Math.floor(clock.now() / HOUR_MS) * HOUR_MS;
  // The next hour too: it may have begun by the clock of the database.
  const hours = Array.from({ length: HOURS + 2 }, (_, back) => thisHourMs + (1 - back) * HOUR_MS);
  const [counted, lane, backlog, nextAttemptAt] = await Promise.all([findHours(store, id, hours), findLane(store, id), countOpen(store, id, BACKLOG_COUNTED_TO), firstWakeAt(store, id)]);
  const holdUntil = lane?.holdUntil ?? null;
  return {
    targetId: id, status, statusReason,
    holdUntil: holdUntil !== null && holdUntil.getTime() > clock.now() ? holdUntil : null,
    since: new Date(thisHourMs - HOURS * HOUR_MS),
    ...figuresOf(counted),
    backlog, nextAttemptAt,
  };
}

function figuresOf(hours: readonly HourCounts[]): Shown {
  const sum = (of: (hour: HourCounts) => number): number => hours.reduce((total, hour) => total + of(hour), 0);
  const [attempts, successes, failures] = [sum((hour) => hour.attempts), sum((hour) => hour.successes), sum((hour) => hour.failures)];
  const latency = (hours[0]?.latency ?? []).map((_, index) => sum((hour) => hour.latency[index] ?? 0));
  return {
    attempts, successes, failures,
    successShare: attempts === 0 ? null : successes / attempts,
    latencyMs: { p50: latencyQuantile(latency, 0.5), p95: latencyQuantile(latency, 0.95) },
    lastError: hours.findLast(({ lastError }) => lastError !== null)?.lastError ?? null,
  };
}
