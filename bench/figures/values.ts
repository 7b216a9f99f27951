/** Small arithmetic on records and lists of numbers. Pure. */
export const mapValues = <From, To>(record: Readonly<Record<string, From>>, to: (value: From, name: string) => To): Readonly<Record<string, To>> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value, name)]));

export const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

/** The middle one, or between the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}
