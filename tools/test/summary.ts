/**
 * The closing lines of node's test runner: "ℹ tests 12" from the spec reporter, "# tests 12" from TAP; the last ones printed count.
 */
export interface Summary {
  readonly tests: number;
  readonly skipped: number;
}

export function readSummary(output: string): Summary | undefined {
  const plain = output.replaceAll(/\u001B\[[\d;]*m/g, '');
  const tests = lastCount(plain, 'tests');
  return tests === undefined ? undefined : { tests, skipped: (lastCount(plain, 'skipped') ?? 0) + (lastCount(plain, 'todo') ?? 0) };
}

function lastCount(output: string, name: string): number | undefined {
  const count = [...output.matchAll(new RegExp(`^[ℹ#] ${name} (\\d+)$`, 'gm'))].at(-1)?.[1];
  return count === undefined ? undefined : Number(count);
}
