/**
 * What processes have used, from Linux's /proc: processor time of all their threads and of all their children, those that have
 * ended included (a database may run a process for every connection), and the most memory that the process itself ever held.
 */
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { mapValues, sum } from '../figures/values.ts';

/** Process → its id. */
export type Pids = Readonly<Record<string, number>>;

export interface Usage {
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

let ticksPerSecond = 0;

export async function usageOf(pids: Pids): Promise<Readonly<Record<string, Usage>>> {
  ticksPerSecond ||= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const stats = await allStats();
  const usages = await Promise.all(Object.entries(pids).map(async ([name, pid]) => [name, { cpuSeconds: sum(treeOf(pid, stats).map(({ ticks }) => ticks)) / ticksPerSecond, peakRssMiB: await peakRssMiB(pid) }] as const));
  return Object.fromEntries(usages);
}

async function allStats(): Promise<readonly Stat[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  return (await Promise.all(pids.map(readStat))).flat();
}

/** Nothing for a process that has just ended. */
async function readStat(pid: number): Promise<readonly Stat[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return [];
  // The name in brackets may hold anything, spaces too; what follows it is counted from there (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
  const [parent = 0, utime = 0, stime = 0, ofChildren = 0, ofChildrenInKernel = 0] = [1, 11, 12, 13, 14].map((index) => fields[index]);
  return [{ pid, parent, ticks: utime + stime + ofChildren + ofChildrenInKernel }];
}

function treeOf(root: number, stats: readonly Stat[]): readonly Stat[] {
  const children = stats.filter(({ parent }) => parent === root);
  return [...stats.filter(({ pid }) => pid === root), ...children.flatMap(({ pid }) => treeOf(pid, stats))];
}

async function peakRssMiB(pid: number): Promise<number> {
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
}

/** Processor seconds of each process between two looks. */
export const cpuBetween = (before: Readonly<Record<string, Usage>>, after: Readonly<Record<string, Usage>>): Readonly<Record<string, number>> =>
  mapValues(after, ({ cpuSeconds }, name) => cpuSeconds - (before[name]?.cpuSeconds ?? 0));
