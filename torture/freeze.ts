/**
 * SIGSTOP with a way back that outlives us: a stopped process cannot notice that its parent is gone, so a small shell holds a
 * pipe to us and sends SIGCONT when it closes, whether we close it or die.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const SCRIPT = 'kill -STOP "$0" && echo && cat >/dev/null; kill -CONT "$0" 2>/dev/null; exit 0';

/** Resolves once the process is stopped; the answer lets it go on, and resolves once it may. */
export async function freeze(pid: number): Promise<() => Promise<void>> {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, String(pid)], { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  const ended = once(shell, 'exit');
  shell.stdin.on('error', () => undefined); // The shell is gone, and the process goes on already.
  await Promise.race([once(shell.stdout, 'data'), ended]);
  return async () => {
    shell.stdin.end();
    await ended;
  };
}
