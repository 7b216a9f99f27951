/**
 * A temporary folder that does not outlive us: made and removed by keeper.sh, which acts when we let go and also when we are killed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firstLine } from './first-line.ts';
import { bounded } from './wait.ts';

export interface TempDir {
  readonly path: string;
  /** Resolves once the folder is gone; safe twice. */
  remove(): Promise<void>;
}

const keeper = fileURLToPath(new URL('keeper.sh', import.meta.url));

export async function makeTempDir(prefix: string): Promise<TempDir> {
  // Detached: a Ctrl-C in the terminal must reach us alone, or the folder would go while mongod still writes.
  const child = spawn('/bin/sh', [keeper, join(tmpdir(), `${prefix}-XXXXXX`)], { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  child.unref();
  const exited = once(child, 'exit') as Promise<[number | null]>;
  exited.catch(() => undefined); // A failed spawn is reported by firstLine.
  const path = await firstLine(child, 'the temporary folder');

  async function remove(): Promise<void> {
    child.stdin.end();
    const [code] = await bounded(exited, { what: `the removal of ${path}`, timeoutMs: 20_000, signal: undefined });
    if (code !== 0) throw new Error(`Cannot remove the temporary folder ${path}`);
  }
  return { path, remove };
}
