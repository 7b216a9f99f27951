/** What happened over time, in steps of equal length: rates, and what waited. Pure. */
import { earliest, latest, type Passage } from './passage.ts';

export interface Series {
  readonly name: string;
  readonly unit: string;
  /** Seconds after the beginning. */
  readonly at: readonly number[];
  readonly values: readonly number[];
}

const STEPS = 120;
const SHORTEST_STEP_S = 0.1;

/** Delivered a second, acknowledged a second, and the events that were acknowledged and not yet delivered. */
export function seriesOf({ intendedAtMs, ackedAtMs, deliveredAtMs }: Passage): readonly Series[] {
  const fromMs = earliest(intendedAtMs);
  const seconds = (Math.max(latest(ackedAtMs), latest(deliveredAtMs)) - fromMs) / 1_000;
  const stepS = Math.max(SHORTEST_STEP_S, seconds / STEPS);
  const [acked, delivered] = [ackedAtMs, deliveredAtMs].map((moments) => countsIn(moments, fromMs, stepS, Math.ceil(seconds / stepS)));
  const at = (acked ?? []).map((_, step) => (step + 1) * stepS);
  const rate = (counts: readonly number[] = []): readonly number[] => counts.map((count) => count / stepS);
  let backlog = 0;
  return [
    { name: 'delivered', unit: '/s', at, values: rate(delivered) },
    { name: 'acknowledged', unit: '/s', at, values: rate(acked) },
    { name: 'waiting', unit: 'events', at, values: (acked ?? []).map((count, step) => (backlog += count - (delivered?.[step] ?? 0))) },
  ];
}

function countsIn(moments: Float64Array, fromMs: number, stepS: number, steps: number): readonly number[] {
  const counts = new Array<number>(steps).fill(0);
  for (const atMs of moments) {
    const step = Math.min(steps - 1, Math.floor((atMs - fromMs) / (stepS * 1_000)));
    if (!Number.isNaN(atMs)) counts[step] = (counts[step] ?? 0) + 1;
  }
  return counts;
}
