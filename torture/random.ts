/**
 * Randomness that a seed repeats. What is drawn in an order that timing decides would not repeat, so every fault has a seed of
 * its own, and what becomes of a request is drawn from what the request is (`shareOf`).
 */
import type { Random } from '../src/runtime/random.ts';

/** mulberry32: small, fast, and even enough to plan faults with. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A whole number in [least, most]. */
export const between = (random: Random, least: number, most: number): number => least + Math.floor(random() * (most - least + 1));

/** @throws Error when there is nothing to pick from */
export function pick<T>(random: Random, from: readonly T[]): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error('Expected something to pick from, got nothing');
  return picked;
}

/** In [0, 1), the same for the same words: FNV-1a, then one step of the generator to spread near neighbours. */
export function shareOf(...words: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of words.join('/')) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return seededRandom(hash)();
}
