/** Splits a list in two by a test, keeping the order: those that pass, and the rest. */
export function partition<T>(items: readonly T[], passes: (item: T) => boolean): readonly [T[], T[]] {
  const passed: T[] = [];
  const rest: T[] = [];
  for (const item of items) (passes(item) ? passed : rest).push(item);
  return [passed, rest];
}
