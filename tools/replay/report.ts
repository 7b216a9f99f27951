/** How a plan and a replay are told: lines for people, one object for programs. Pure. */
import type { TargetId } from '../../src/domain/ids.ts';
import type { Target } from '../../src/domain/target.ts';
import { printable } from '../cli/format.ts';
import type { RunProgress } from './run.ts';
import type { Misfit, VisitEnd } from './search.ts';
import type { Group, Tally } from './tally.ts';
import type { WaitResult } from './wait.ts';

const MOST_ROWS = 20;

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** `812 dead deliveries of 800 events, received … to …`, then a table by target and last error. */
export function tallyLines(tally: Tally, state: string, targets: readonly Target[]): readonly string[] {
  const { span } = tally;
  const times = span === null ? '' : `, received ${span.oldest.toISOString()} to ${span.newest.toISOString()}`;
  return [`${plural(tally.total, `${state} delivery`, `${state} deliveries`)} of ${plural(tally.events, 'event')}${times}`, ...tableOf(tally.groups, targets)];
}

function tableOf(groups: readonly Group[], targets: readonly Target[]): readonly string[] {
  if (groups.length === 0) return [];
  const shown = groups.slice(0, MOST_ROWS);
  const rest = groups.slice(MOST_ROWS);
  const rows = shown.map(({ targetId, count, reason, samples }) => [targetId, statusOf(targetId, targets), String(count), printable(reason, 80), samples[0] ?? ''] as const);
  const lines = alignedColumns([['target', 'status', 'count', 'last error', 'for example'], ...rows]);
  const hidden = rest.reduce((sum, { count }) => sum + count, 0);
  return rest.length === 0 ? lines : [...lines, `  and ${hidden} more for ${plural(rest.length, 'other reason')}`];
}

const statusOf = (targetId: TargetId, targets: readonly Target[]): string => targets.find(({ id }) => id === targetId)?.status ?? 'gone';

const COUNT_COLUMN = 2;

function alignedColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => `  ${row.map((cell, column) => (column === COUNT_COLUMN ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  ').trimEnd()}`);
}

export const misfitLine = ({ id, why }: Misfit): string => `${id} does not fit: ${why}`;

/** What was done, and what was not and why. */
export function runLines({ replayed, movedOn, gone }: RunProgress, end: VisitEnd): readonly string[] {
  return [
    `Replayed ${plural(replayed.total, 'delivery', 'deliveries')} of ${plural(replayed.events, 'event')}`,
    ...(movedOn === 0 ? [] : [`${movedOn} moved on meanwhile, and were left alone`]),
    ...(gone === 0 ? [] : [`${gone} left alone, since their events are pruned`]),
    ...(end === 'more' ? ['The limit was reached and more fit: run it again, or raise --limit'] : []),
    ...(end === 'interrupted' ? ['Interrupted: run it again to go on with the rest'] : []),
  ];
}

export function waitLines({ end, delivered, dead, open }: WaitResult, targets: readonly Target[]): readonly string[] {
  return [
    `${delivered} delivered, ${dead.total} dead again, ${open} still open`,
    ...tableOf(dead.groups, targets),
    ...(end === 'timedOut' ? ['Timed out: what is still open goes on by itself'] : []),
  ];
}

/** A tally as JSON. */
export const tallyView = (tally: Tally): object => ({
  deliveries: tally.total,
  events: tally.events,
  oldestEventAt: tally.span?.oldest.toISOString() ?? null,
  newestEventAt: tally.span?.newest.toISOString() ?? null,
  groups: tally.groups,
});

export const waitView = ({ end, delivered, dead, open }: WaitResult): object => ({ end, delivered, dead: tallyView(dead), open });
