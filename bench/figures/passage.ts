/** One load from both ends: the proof that no event is missing, and when each was sent, acknowledged and delivered. Pure. */
import type { Arrivals, LoadReport } from '../lab/calls.ts';

export interface Passage {
  readonly events: number;
  /** By event, in the order of their intended times. */
  readonly types: Uint16Array;
  readonly intendedAtMs: Float64Array;
  readonly ackedAtMs: Float64Array;
  /** The first request that was answered 2xx. */
  readonly deliveredAtMs: Float64Array;
  readonly requests: number;
  /** Requests for an event after its first 2xx. */
  readonly duplicates: number;
  readonly connections: number;
}

export interface PassageOptions {
  /** Types whose events are not expected to arrive: their target hangs, or is paused. */
  readonly excused?: (type: number) => boolean;
  /** Ids that belong to another load. */
  readonly ignored?: ReadonlySet<string>;
}

/** @throws Error when an accepted event did not arrive where it was owed, or one arrived that was not accepted */
export function passageOf(load: LoadReport, arrivals: Arrivals, { excused = () => false, ignored = new Set() }: PassageOptions = {}): Passage {
  const indexOf = new Map(load.ids.map((id, index) => [id, index]));
  if (indexOf.size !== load.ids.length) throw new Error(`Expected an id of its own for each of ${load.ids.length} events, got ${indexOf.size}`);
  const deliveredAtMs = new Float64Array(load.ids.length).fill(NaN);
  const strangers: string[] = [];
  let [requests, duplicates] = [0, 0];
  for (const [row, id] of arrivals.ids.entries()) {
    const index = indexOf.get(id);
    const isOwed = index !== undefined && load.types[index] === arrivals.targets[row];
    if (!isOwed && !ignored.has(id)) strangers.push(`${id} at target ${arrivals.targets[row] ?? '?'}`);
    if (index === undefined || !isOwed) continue;
    requests += 1;
    if (!Number.isNaN(deliveredAtMs[index])) duplicates += 1;
    else if (isSuccess(arrivals.statuses[row] ?? 0)) deliveredAtMs[index] = arrivals.atMs[row] ?? NaN;
  }
  if (strangers.length > 0) throw new Error(`Expected accepted events only, each at its own target, got ${strangers.length} others, such as ${strangers.slice(0, 3).join(', ')}`);
  requireAll(load, deliveredAtMs, excused);
  const { types, intendedAtMs, ackedAtMs } = load;
  return { events: load.ids.length, types, intendedAtMs, ackedAtMs, deliveredAtMs, requests, duplicates, connections: arrivals.connections };
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300;

function requireAll({ ids, types }: LoadReport, deliveredAtMs: Float64Array, excused: (type: number) => boolean): void {
  const missing = ids.filter((_, index) => Number.isNaN(deliveredAtMs[index]) && !excused(types[index] ?? 0));
  if (missing.length > 0) throw new Error(`Expected all ${ids.length} accepted events to be delivered, ${missing.length} were not, such as ${missing.slice(0, 3).join(', ')}`);
}

/** From the first intended send to the last of these moments. */
export function perSecond({ events, intendedAtMs }: Passage, moments: Float64Array): number {
  return (events / (latest(moments) - earliest(intendedAtMs))) * 1_000;
}

/** Spreading an array this long over the arguments of Math.min would overflow the stack. */
export const earliest = (times: Float64Array): number => times.reduce((a, b) => Math.min(a, b), Infinity);
/** Of those that are known. */
export const latest = (times: Float64Array): number => times.reduce((a, b) => (b > a ? b : a), -Infinity);
