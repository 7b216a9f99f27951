/** Percentiles by the nearest rank: always a value that was really measured, never one between two. */
import { formatMs } from './format.ts';

export interface Spread {
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** The smallest value that at least `percent` of all values do not exceed. `sorted` rises and has a value. */
export function percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? NaN;
}

/** Null when nothing was measured. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (percent: number): number => percentile(sorted, percent);
  return { min: at(0), p50: at(50), p95: at(95), p99: at(99), max: at(100) };
}

/** Two lines: the names over the values. */
export function percentileTable(title: string, spread: Spread): readonly string[] {
  const cells = Object.entries(spread).map(([name, value]) => [name, formatMs(value as number)] as const);
  const widths = cells.map(([name, value]) => Math.max(name.length, value.length));
  const line = (first: string, texts: readonly string[]): string => [first.padEnd(title.length), ...texts.map((text, column) => text.padStart(widths[column] ?? 0))].join('  ');
  return [line('', cells.map(([name]) => name)), line(title, cells.map(([, value]) => value))];
}
