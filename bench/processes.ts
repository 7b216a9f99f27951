/** What processes have used, from Linux's /proc: processor time of all their threads, and the most memory they ever held. */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { mapValues } from './values.ts';

/** Process → its id. */
export type Pids = Readonly<Record<string, number>>;

export interface Usage {
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
}

let ticksPerSecond = 0;

export async function usageOf(pids: Pids): Promise<Readonly<Record<string, Usage>>> {
  ticksPerSecond ||= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const usages = await Promise.all(Object.entries(pids).map(async ([name, pid]) => [name, await usageOfOne(pid)] as const));
  return Object.fromEntries(usages);
}

async function usageOfOne(pid: number): Promise<Usage> {
  const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/status`, 'utf8')]);
  // The name in brackets may hold anything, spaces too; utime and stime are the 12th and 13th field after it (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const peakKiB = Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]);
  return { cpuSeconds: ticks / ticksPerSecond, peakRssMiB: peakKiB / 1_024 };
}

/** Seconds of each process between two looks, for a thousand events. */
export const cpuPerThousand = (before: Readonly<Record<string, Usage>>, after: Readonly<Record<string, Usage>>, events: number): Readonly<Record<string, number>> =>
  mapValues(after, ({ cpuSeconds }, name) => ((cpuSeconds - (before[name]?.cpuSeconds ?? 0)) / events) * 1_000);
