/** The only way to randomness that decides anything: a number in [0, 1). Tests pass a fixed one. */
export type Random = () => number;

export const systemRandom: Random = Math.random;
