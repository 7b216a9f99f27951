/** What a bench tells people: a table for each run, then how the two sides compare. Pure. */
import type { Latency } from './timeline.ts';
import type { RunFigures } from './measure.ts';
import { median, sum } from './values.ts';

const LABEL = 26;
const row = (label: string, value: string): string => `  ${label.padEnd(LABEL)}${value}`;
const perSecond = (value: number): string => `${value.toFixed(0)}/s`;
const milliseconds = ({ p50, p99 }: Latency): string => `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
const byName = (record: Readonly<Record<string, number>>, digits: number): string => Object.entries(record).map(([name, value]) => `${name} ${value.toFixed(digits)}`).join(', ');

export function runLines(figures: RunFigures): readonly string[] {
  const { side, events, acceptedPerSecond, deliveredPerSecond, ackMs, endToEndMs, duplicates, cpuSecondsPerThousand, peakRssMiB } = figures;
  return [
    `${side}: ${events} accepted = ${side === 'hooktail' ? 'stored = ' : ''}delivered, ${duplicates} duplicates`,
    row('delivered', perSecond(deliveredPerSecond)),
    row('accepted', perSecond(acceptedPerSecond)),
    row('acknowledged after', milliseconds(ackMs)),
    row('delivered after', milliseconds(endToEndMs)),
    row('CPU s per 1,000 events', `${byName(cpuSecondsPerThousand, 3)}, all ${sum(Object.values(cpuSecondsPerThousand)).toFixed(3)}`),
    row('peak memory, MiB', byName(peakRssMiB, 0)),
    ...countLines(figures),
    '',
  ];
}

function countLines({ counts }: RunFigures): readonly string[] {
  if (counts === null) return [];
  const { commands, commandsPerEvent, documentsInsertedPerEvent, documentsUpdatedPerEvent, oplogEntriesPerEvent, oplogBytesPerEvent } = counts;
  const mostFirst = Object.fromEntries(Object.entries(commands).toSorted(([, a], [, b]) => b - a));
  return [
    row('commands per event', `${commandsPerEvent.toFixed(4)}: ${byName(mostFirst, 4)}`),
    row('documents per event', `${documentsInsertedPerEvent.toFixed(3)} inserted, ${documentsUpdatedPerEvent.toFixed(3)} updated`),
    row('oplog per event', `${oplogEntriesPerEvent.toFixed(3)} entries, ${oplogBytesPerEvent.toFixed(0)} bytes`),
  ];
}

/** Of one figure, the whole system to its ceiling, over the pairs. */
export interface Ratio {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Comparison {
  readonly pairs: number;
  readonly deliveredPerSecond: Ratio;
  /** Of all processes together: on a machine that is not fully used, this is the plainer of the two. */
  readonly cpu: Ratio;
}

/** Of runs in the order they were made, two to a pair; null when one side was left out. */
export function compare(runs: readonly RunFigures[]): Comparison | null {
  const ceilings = runs.filter(({ side }) => side === 'ceiling');
  const pairs = runs.filter(({ side }) => side === 'hooktail').flatMap((run, index) => (ceilings[index] === undefined ? [] : [[run, ceilings[index]] as const]));
  if (pairs.length === 0) return null;
  const ratioOf = (figure: (run: RunFigures) => number): Ratio => {
    const ratios = pairs.map(([run, ceiling]) => figure(run) / figure(ceiling));
    return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
  };
  return { pairs: pairs.length, deliveredPerSecond: ratioOf((run) => run.deliveredPerSecond), cpu: ratioOf((run) => sum(Object.values(run.cpuSecondsPerThousand))) };
}

export function comparisonLines({ pairs, deliveredPerSecond, cpu }: Comparison): readonly string[] {
  const spread = ({ median: middle, min, max }: Ratio): string => `${middle.toFixed(3)} (${min.toFixed(3)} to ${max.toFixed(3)})`;
  return [`hooktail to ceiling, median of ${pairs} pair${pairs === 1 ? '' : 's'} (least to most)`, row('delivered per second', spread(deliveredPerSecond)), row('CPU per event', spread(cpu))];
}
