/**
 * Processes that outlive a test run. Those a run starts carry its temporary folder in their command line, so the folder's name finds them.
 * Needs /proc, so elsewhere than on Linux nothing is found.
 */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Leak {
  readonly pid: number;
  readonly command: string;
}

const everyMs = 25;
/** A mongod cut off by its guard needs a moment to die. */
const graceMs = 5_000;

/** Those still there after the grace. */
export async function processesNaming(folder: string): Promise<readonly Leak[]> {
  const deadline = performance.now() + graceMs;
  for (;;) {
    const found = await scan(folder);
    if (found.length === 0 || performance.now() >= deadline) return found;
    await sleep(everyMs);
  }
}

/** Looks once more before each kill: a pid may have gone to somebody else since. */
export async function endProcesses(leaks: readonly Leak[], folder: string): Promise<void> {
  for (const { pid } of leaks) {
    if ((await commandOf(pid)).includes(folder)) process.kill(pid, 'SIGKILL');
  }
}

async function scan(folder: string): Promise<Leak[]> {
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const processes = await Promise.all(pids.map(async (pid) => ({ pid, command: await commandOf(pid) })));
  return processes.filter(({ command }) => command.includes(folder));
}

async function commandOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text.replaceAll('\0', ' ').trim();
}
