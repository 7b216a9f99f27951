/** A database server of the bench: it lives under the launcher's guard, so that it ends with us however we end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { firstLine } from '../../tools/local-mongo/first-line.ts';
import type { Endings } from '../lab/endings.ts';

const GUARD = fileURLToPath(new URL('../../tools/local-mongo/guard.sh', import.meta.url));
const READY_TIMEOUT_MS = 30_000;
const LOOK_EVERY_MS = 20;

export interface GuardedOptions {
  readonly command: readonly string[];
  readonly logPath: string;
  /** How long it may take to end in order; 0 to cut it off. */
  readonly graceSeconds: number;
  readonly isReady: () => Promise<boolean>;
  readonly endings: Endings;
  readonly signal: AbortSignal;
}

/** Resolves with its process id once it is ready. @throws Error with the end of its log when it ends before that */
export async function startGuarded({ command, logPath, graceSeconds, isReady, endings, signal }: GuardedOptions): Promise<number> {
  const guard = spawn('/bin/sh', [GUARD, String(graceSeconds), logPath, ...command], { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  const exited = once(guard, 'exit');
  await endings.add(() => (guard.stdin.destroy(), exited));
  const pid = Number(await firstLine(guard, `the pid of ${command[0] ?? ''}`));
  let ended = false;
  void exited.then(() => (ended = true));
  const isOver = (): boolean => ended;
  for (const startedAtMs = performance.now(); !(await isReady()); await sleep(LOOK_EVERY_MS, undefined, { signal })) {
    if (isOver() || performance.now() - startedAtMs > READY_TIMEOUT_MS) throw new Error(`Expected ${command.join(' ')} to start, its log ends with:\n${(await readFile(logPath, 'utf8').catch(() => '')).slice(-1_000)}`);
  }
  return pid;
}
