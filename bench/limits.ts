/** The counts that a change may not raise: `limits.json`, by the name of the count. Times are reported and never judged. */
import { readFileSync } from 'node:fs';
import type { RunFigures } from './measure.ts';

const FILE = new URL('limits.json', import.meta.url);

/** One line for each count above its limit. @throws Error when the file names a count that there is not. */
export function breachesOf({ counts, duplicates }: RunFigures): readonly string[] {
  if (counts === null) return [];
  const found: Readonly<Record<string, unknown>> = { ...counts, duplicates };
  const limits = JSON.parse(readFileSync(FILE, 'utf8')) as Readonly<Record<string, number>>;
  return Object.entries(limits).flatMap(([name, limit]) => {
    const count = found[name];
    if (typeof count !== 'number') throw new Error(`bench/limits.json: expected the name of a count, got ${name}`);
    return count <= limit ? [] : [`${name}: expected at most ${limit}, got ${count.toFixed(4)}`];
  });
}
