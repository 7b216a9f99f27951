/** What happened to each event, from both ends: the proof that none is missing, then rates and latencies. Pure. */
import { percentile } from '../tools/cli/percentiles.ts';
import type { Arrivals, LoadReport } from './calls.ts';

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

export interface Timeline {
  /** From the first send to the last acknowledgement. */
  readonly acceptedPerSecond: number;
  /** From the first send to the last first arrival. */
  readonly deliveredPerSecond: number;
  readonly ackMs: Latency;
  /** From the send to the first arrival. */
  readonly endToEndMs: Latency;
  /** Requests beyond the first of each event. */
  readonly duplicates: number;
}

/** @throws Error when an accepted event did not arrive, or an arrived one was not accepted. */
export function timelineOf({ ids, sentAtMs, ackedAtMs }: LoadReport, arrivals: Arrivals): Timeline {
  requireAll(ids, arrivals.ids);
  const arrivedAt = new Map(arrivals.ids.map((id, index) => [id, arrivals.arrivedAtMs[index] ?? NaN]));
  const firstSentAtMs = earliest(sentAtMs);
  const perSecond = (untilMs: number): number => (ids.length / (untilMs - firstSentAtMs)) * 1_000;
  return {
    acceptedPerSecond: perSecond(latest(ackedAtMs)),
    deliveredPerSecond: perSecond(latest(arrivals.arrivedAtMs)),
    ackMs: latencyOf(ids.map((_, index) => (ackedAtMs[index] ?? NaN) - (sentAtMs[index] ?? NaN))),
    endToEndMs: latencyOf(ids.map((id, index) => (arrivedAt.get(id) ?? NaN) - (sentAtMs[index] ?? NaN))),
    duplicates: arrivals.requests - arrivals.ids.length,
  };
}

function requireAll(acceptedIds: readonly string[], arrivedIds: readonly string[]): void {
  const accepted = new Set(acceptedIds);
  const arrived = new Set(arrivedIds);
  if (accepted.size !== acceptedIds.length) throw new Error(`Expected an id of its own for each of ${acceptedIds.length} events, got ${accepted.size}`);
  const missing = acceptedIds.filter((id) => !arrived.has(id));
  if (missing.length > 0) throw new Error(`Expected all ${accepted.size} accepted events to arrive, ${missing.length} did not, such as ${missing.slice(0, 3).join(', ')}`);
  const strangers = arrivedIds.filter((id) => !accepted.has(id));
  if (strangers.length > 0) throw new Error(`Expected accepted events only, got ${strangers.length} others, such as ${strangers.slice(0, 3).join(', ')}`);
}

/** Spreading an array this long over the arguments of Math.min would overflow the stack. */
const earliest = (times: Float64Array): number => times.reduce((a, b) => Math.min(a, b), Infinity);
const latest = (times: Float64Array): number => times.reduce((a, b) => Math.max(a, b), -Infinity);

function latencyOf(values: readonly number[]): Latency {
  const sorted = values.toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 50), p99: percentile(sorted, 99) };
}
