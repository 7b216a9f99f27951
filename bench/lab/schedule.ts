/**
 * When each event of a load should be sent. A closed loop has no plan: every sender sends its next event once its last one is
 * answered, so a slow system is asked for less, and hides what it made others wait. An open loop has one that no system can
 * hold up, and counts latency from it: fixed steps, or a Poisson process as many independent senders make. Pure.
 */
import type { Random } from '../../src/runtime/random.ts';

export interface ClosedPace {
  readonly kind: 'closed';
  readonly senders: number;
  readonly events: number;
}

export interface OpenPace {
  readonly kind: 'open';
  readonly perSecond: number;
  readonly seconds: number;
  readonly schedule: 'fixed' | 'poisson';
}

export type Pace = ClosedPace | OpenPace;

export const eventsOf = (pace: Pace): number => (pace.kind === 'closed' ? pace.events : Math.round(pace.perSecond * pace.seconds));

/**
 * Milliseconds after the beginning, rising, in whole ones: timers are no finer, and what they round must not be counted as the
 * system's latency.
 */
export function plannedTimes(pace: OpenPace, random: Random): Float64Array {
  const times = new Float64Array(eventsOf(pace));
  const meanMs = 1_000 / pace.perSecond;
  let atMs = 0;
  for (let index = 0; index < times.length; index += 1) {
    times[index] = Math.ceil(atMs);
    atMs += pace.schedule === 'fixed' ? meanMs : -Math.log(1 - random()) * meanMs;
  }
  return times;
}

const ZIPF_EXPONENT = 1.1;

/** For each of so many events one of these types. */
export function typesOf(count: number, { types, share }: { readonly types: readonly number[]; readonly share: 'even' | 'zipf' }, random: Random): Uint16Array {
  if (share === 'even') return Uint16Array.from({ length: count }, (_, index) => types[index % types.length] ?? 0);
  const bounds = cumulative(types.map((_, rank) => 1 / (rank + 1) ** ZIPF_EXPONENT));
  const total = bounds.at(-1) ?? 0;
  return Uint16Array.from({ length: count }, () => types[firstAtLeast(bounds, random() * total)] ?? 0);
}

function cumulative(weights: readonly number[]): readonly number[] {
  let sum = 0;
  return weights.map((weight) => (sum += weight));
}

/** By halving; `sorted` rises. */
function firstAtLeast(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
