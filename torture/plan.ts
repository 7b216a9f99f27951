/**
 * The plan of a mixed run: which fault begins when, from the seed alone, so that the same seed does the same harm. Every fault
 * comes once before any comes twice, so that a short run is as mixed as can be. Pure.
 */
import { between, pick, seededRandom } from './random.ts';

export interface Step {
  /** After the load has begun. */
  readonly atMs: number;
  readonly fault: string;
  /** Of the fault's own randomness: what it draws does not depend on what others draw meanwhile. */
  readonly seed: number;
}

/** Between the beginnings of two faults. Most last longer, so they overlap where they may. */
const LEAST_PAUSE_MS = 1_500;
const MOST_PAUSE_MS = 5_000;
/** The load runs in before the first. */
const FIRST_AT_MS = 3_000;

export function planOf(faults: readonly string[], seed: number, lengthMs: number): readonly Step[] {
  const random = seededRandom(seed);
  const steps: Step[] = [];
  let left: readonly string[] = [];
  for (let atMs = FIRST_AT_MS; atMs < lengthMs && faults.length > 0; atMs += between(random, LEAST_PAUSE_MS, MOST_PAUSE_MS)) {
    if (left.length === 0) left = faults;
    const fault = pick(random, left);
    left = left.filter((name) => name !== fault);
    steps.push({ atMs, fault, seed: between(random, 0, 2 ** 31) });
  }
  return steps;
}
