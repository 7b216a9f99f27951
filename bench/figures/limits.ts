/** The counts that a change may not raise: `bench/limits.json`, by workload and the name of the count. Times are reported and never judged. */
import { readFileSync } from 'node:fs';
import type { Run } from './compare.ts';

const FILE = new URL('../limits.json', import.meta.url);

type Limits = Readonly<Record<string, Readonly<Record<string, number>>>>;

export const readLimits = (): Limits => JSON.parse(readFileSync(FILE, 'utf8')) as Limits;

/** One line for each count above its limit. @throws Error when a limit names a count that a run of the whole system does not have */
export function breachesOf(workload: string, { variant, result: { counts, figures } }: Run, limits: Limits): readonly string[] {
  const found: Readonly<Record<string, unknown>> = { ...figures, ...counts };
  return Object.entries(limits[workload] ?? {}).flatMap(([name, limit]) => {
    const count = found[name];
    if (typeof count !== 'number') throw new Error(`bench/limits.json: expected the name of a count of ${workload}, got ${name}`);
    return count <= limit ? [] : [`${workload}, ${variant}: ${name}: expected at most ${limit}, got ${count.toFixed(4)}`];
  });
}
