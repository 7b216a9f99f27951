/** What a bench tells people at a terminal: a few lines for each run, then a table over all of them. Pure. */
import type { Ratio, Run } from '../figures/compare.ts';
import { FIGURES, figureText, type FigureName } from '../figures/figures.ts';
import { sum } from '../figures/values.ts';
import type { Report, Spread, Summary, VariantSummary } from './summary.ts';

const LABEL = 26;
const row = (label: string, value: string): string => `  ${label.padEnd(LABEL)}${value}`;
const byName = (record: Readonly<Record<string, number>>, digits: number): string => Object.entries(record).map(([name, value]) => `${name} ${value.toFixed(digits)}`).join(', ');

export function headLines({ machine, startedAt, command }: Report): readonly string[] {
  const { processor, cores, memoryGiB, system, node, mongod, commit } = machine;
  return [command, `${startedAt}, commit ${commit}, Node ${node}, mongod ${mongod}`, `${cores} × ${processor}, ${memoryGiB} GiB, ${system}; everything on this machine`, ''];
}

export function runLines(workload: string, { variant, pair, result }: Run): readonly string[] {
  const { events, figures, cpuPerThousand, peakRssMiB } = result;
  return [
    `${workload}, ${variant}, pair ${pair + 1}${events === 0 ? '' : `: ${events} accepted = stored = delivered`}`,
    ...lineOf('rates', figures, ['deliveredPerSecond', 'acceptedPerSecond', 'offeredPerSecond', 'megabytesPerSecond']),
    ...lineOf('latencies', figures, ['ackP50Ms', 'ackP99Ms', 'endToEndP50Ms', 'endToEndP99Ms']),
    ...(Object.keys(cpuPerThousand).length === 0 ? [] : [row('CPU s per 1,000 events', `${byName(cpuPerThousand, 3)}, all ${sum(Object.values(cpuPerThousand)).toFixed(3)}`)]),
    row('peak memory, MiB', byName(peakRssMiB, 0)),
    ...countLines(result),
  ];
}

function lineOf(label: string, figures: Run['result']['figures'], names: readonly FigureName[]): readonly string[] {
  const texts = names.flatMap((name) => (figures[name] === undefined ? [] : [`${FIGURES[name].label} ${figureText(name, figures[name])}`]));
  return texts.length === 0 ? [] : [row(label, texts.join('; '))];
}

function countLines({ counts }: Run['result']): readonly string[] {
  if (counts === null) return [];
  const { commands, commandsPerEvent, documentsInsertedPerEvent, documentsUpdatedPerEvent, oplogEntriesPerEvent, oplogBytesPerEvent, journalSyncsPerEvent } = counts;
  const mostFirst = Object.fromEntries(Object.entries(commands).toSorted(([, a], [, b]) => b - a).slice(0, 6));
  return [
    row('commands per event', `${commandsPerEvent.toFixed(4)}: ${byName(mostFirst, 4)}`),
    row('documents per event', `${documentsInsertedPerEvent.toFixed(3)} inserted, ${documentsUpdatedPerEvent.toFixed(3)} updated`),
    row('oplog per event', `${oplogEntriesPerEvent.toFixed(3)} entries, ${oplogBytesPerEvent.toFixed(0)} bytes; ${journalSyncsPerEvent.toFixed(4)} journal flushes`),
  ];
}

/** One column a variant; of several runs the median, with the least and the most. */
export function summaryLines({ workload, variants, ratios, drift }: Summary): readonly string[] {
  const names = (Object.keys(FIGURES) as FigureName[]).filter((name) => variants.some(({ figures }) => figures[name] !== undefined));
  const rows = [['', ...variants.map(({ name, runs }) => `${name} (${runs.length})`)], ...names.map((name) => [FIGURES[name].label, ...variants.map((variant) => cellOf(name, variant))])];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return [
    '', `${workload.code} ${workload.name}: ${workload.summary}`,
    ...rows.map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()),
    ...ratios.map((ratio) => `  ${ratioText(ratio)}`),
    `  the machine itself: ${drift.toFixed(2)} times as slow in its slowest run as in its fastest`, '',
  ];
}

function cellOf(name: FigureName, { figures }: VariantSummary): string {
  const spread = figures[name];
  return spread === undefined ? '' : spreadText(name, spread);
}

export const spreadText = (name: FigureName, { median, min, max }: Spread): string => {
  const { digits } = FIGURES[name];
  return min === max ? figureText(name, median) : `${figureText(name, median)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
};

export const ratioText = ({ figure, of, to, median, min, max, pairs }: Ratio): string =>
  `${FIGURES[figure].label}: ${of} ÷ ${to} = ${median.toFixed(2)}${pairs === 1 ? '' : ` (${min.toFixed(2)} to ${max.toFixed(2)}, ${pairs} pairs)`}`;
