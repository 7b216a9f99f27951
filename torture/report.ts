/** What a torture tells people: what is wrong as soon as a run has ended, and one closing table over all runs. Pure. */
import { formatMs } from '../tools/cli/format.ts';
import type { RunReport } from './perform.ts';
import type { Stall } from './stalls.ts';
import { toleranceMs } from './windows.ts';

const HEADER = ['fault', 'runs', 'accepted', 'delivered', 'lost', 'duplicates', 'allowed', 'longest stall', 'after faults'] as const;

/** What a run makes of an idle machine of two cores stays below. */
const BUSY = 3;

/** One line of figures, then one for each thing that is wrong. */
export function runLines(report: RunReport): readonly string[] {
  const { scenario, seed, seconds, accepted, unknown, delivered, refused, lost, duplicates, allowed, requests, interruptions, tightest, failures, refusals, repeatedStarts, machineLoad, lateMs } = report;
  const words = Object.entries(refusals).map(([code, count]) => `${code} ${count}`).join(', ');
  return [
    `${failures.length === 0 ? 'ok  ' : 'FAIL'} ${scenario}, seed ${seed}, ${seconds.toFixed(0)} s: ${accepted} accepted, ${delivered} delivered (${refused} refused by their receiver), ${lost} lost`,
    `     ${requests} requests, ${duplicates} duplicates of at most ${allowed} (${interruptions} interruptions)${repeatedStarts > 0 ? `, ${repeatedStarts} starts repeated while the database was away` : ''}`,
    ...(machineLoad > BUSY ? [`     the machine had ${machineLoad.toFixed(1)} processes waiting for each core: its times mean little`] : []),
    `     longest stall ${stallWords(report.longestStall)}, after the faults ${stallWords(report.stallAfterFaults)}, all settled ${formatMs(report.settledAfterMs)} after them${tightest === null || !Number.isFinite(tightest.ms) ? '' : `, tightest second of the limited target ${tightest.ms.toFixed(0)} ms (tolerance ${toleranceMs(lateMs).toFixed(0)})`}`,
    ...(words === '' && unknown === 0 ? [] : [`     the producer tried again after: ${words}${unknown === 0 ? '' : `; ${unknown} never acknowledged`}`]),
    ...failures.map((failure) => `     - ${failure}`),
  ];
}

const stallWords = (stall: Stall | null): string => (stall === null ? 'none' : `${formatMs(stall.ms)} (${stall.targetId})`);

/** One row a scenario: sums, and of stalls the longest. */
export function tableLines(reports: readonly RunReport[]): readonly string[] {
  const names = [...new Set(reports.map(({ scenario }) => scenario))];
  const rows = [HEADER, ...names.map((name) => rowOf(name, reports.filter(({ scenario }) => scenario === name)))];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '));
}

function rowOf(name: string, runs: readonly RunReport[]): readonly string[] {
  const sum = (figure: (report: RunReport) => number): string => String(runs.reduce((total, report) => total + figure(report), 0));
  const longest = (figure: (report: RunReport) => Stall | null): string => formatMs(Math.max(0, ...runs.map((report) => figure(report)?.ms ?? 0)));
  return [
    name, String(runs.length), sum(({ accepted }) => accepted), sum(({ delivered }) => delivered), sum(({ lost }) => lost), sum(({ duplicates }) => duplicates),
    sum(({ allowed }) => allowed), longest(({ longestStall }) => longestStall), longest(({ stallAfterFaults }) => stallAfterFaults),
  ];
}
