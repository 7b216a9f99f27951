/** A look as one screen: what runs, what is owed, and at the end what is wrong. Pure. */
import type { ToolContext } from '../cli/context.ts';
import { printable } from '../cli/format.ts';
import { plural } from '../replay/report.ts';
import type { Lane, Member, Snapshot } from './snapshot.ts';
import { tableLines, type Cell } from './table.ts';
import type { Warning } from './warnings.ts';
import { countOf, spanOf } from './words.ts';

type Paint = ToolContext['paint'];

/** Of targets: as many as fit on a screen with the rest. */
const MOST_ROWS = 20;
const NONE = '-';

export function screenLines(snapshot: Snapshot, warnings: readonly Warning[], paint: Paint): readonly string[] {
  return [
    ...headLines(snapshot, paint),
    '',
    ...memberLines(snapshot.members, paint),
    '',
    ...laneLines(snapshot.lanes, paint),
    '',
    ...(warnings.length === 0 ? [paint('green', 'All is well')] : warnings.flatMap((warning) => warningLines(warning, paint))),
  ];
}

function headLines({ database, at, schemaVersion, mongodbVersion, nodes, oplog, pendingFanOut }: Snapshot, paint: Paint): readonly string[] {
  const rows = [
    ['database', `${database}, schema ${schemaVersion ?? 'none yet: no program has prepared it'}, ${at.toISOString()}`],
    ['MongoDB', `${mongodbVersion}, ${nodes === null ? 'members unknown: this user may not run replSetGetStatus (role clusterMonitor)' : nodes.map(({ name, state }) => `${name} ${state}`).join(', ')}`],
    ['oplog', oplogWords(oplog)],
    ['fan-out', `${countOf(pendingFanOut)} pending${pendingFanOut.oldestForMs === null ? '' : `, the oldest for ${spanOf(pendingFanOut.oldestForMs)}`}`],
  ] as const;
  return rows.map(([name, value]) => `${paint('dim', name.padEnd(8))}  ${value}`);
}

function oplogWords(oplog: Snapshot['oplog']): string {
  if (oplog === null) return 'unknown: this user may not read the database local';
  const left = oplog.leftMs === null ? '' : `, ${spanOf(Math.max(0, oplog.leftMs))} of that behind the processor furthest back`;
  return `reaches back ${spanOf(oplog.windowMs)}${left}`;
}

const STATE_COLOURS = { fresh: 'green', leaving: 'yellow', stale: 'yellow', expired: 'red' } as const;

function memberLines(members: readonly Member[], paint: Paint): readonly string[] {
  if (members.length === 0) return ['No processors'];
  const columns = [{ head: 'member' }, { head: 'state' }, { head: 'lease', right: true }, { head: 'for', right: true }, { head: 'lanes', right: true }, { head: 'stream behind', right: true }, { head: 'saved', right: true }, { head: 'host' }, { head: 'pid', right: true }, { head: 'session' }] as const;
  return [plural(members.length, 'processor'), ...tableLines(columns, members.map(memberRow), paint)];
}

const memberRow = ({ member, state, leaseLeftMs, forMs, lanes, stream, host, pid, session }: Member): readonly Cell[] => [
  printable(member, 40), { text: state, colour: STATE_COLOURS[state] }, leaseLeftMs > 0 ? spanOf(leaseLeftMs) : 'none', spanOf(forMs), String(lanes),
  stream === null ? NONE : spanOf(stream.lagMs), stream === null ? 'not yet' : `${spanOf(stream.savedForMs)} ago`, printable(host, 40), String(pid), session,
];

/** Those with most to do first when not all of them fit. */
function laneLines(lanes: readonly Lane[], paint: Paint): readonly string[] {
  if (lanes.length === 0) return ['No targets'];
  const shown = lanes.length <= MOST_ROWS ? lanes : lanes.toSorted((a, b) => loadOf(b) - loadOf(a)).slice(0, MOST_ROWS);
  const owners = [{ head: 'target' }, { head: 'status' }, { head: 'limits' }, { head: 'owner' }, { head: 'term', right: true }, { head: 'hold', right: true }, { head: 'breaker' }, { head: 'failing', right: true }, { head: 'url' }] as const;
  const loads = [{ head: 'owed to' }, { head: 'parked', right: true }, { head: 'waiting', right: true }, { head: 'next in', right: true }, { head: 'due now', right: true }, { head: 'for', right: true }, { head: 'dead', right: true }] as const;
  return [
    plural(lanes.length, 'target'),
    ...tableLines(owners, shown.map(ownerRow), paint),
    ...tableLines(loads, shown.map(loadRow), paint),
    ...(lanes.length === shown.length ? [] : [`  and ${plural(lanes.length - shown.length, 'more target')} with less to do; --json shows all`]),
  ];
}

const loadOf = ({ ready, waiting, owner }: Lane): number => ready.value + waiting.value + (owner.kind === 'member' ? 0 : Number.MAX_SAFE_INTEGER / 2);

const ownerRow = ({ targetId, status, limits, owner, term, holdLeftMs, breaker, openLeftMs, failingForMs, url }: Lane): readonly Cell[] => [
  targetId, status === 'active' ? status : { text: status, colour: 'yellow' }, limitWords(limits), ownerCell(owner), String(term),
  holdLeftMs === null ? NONE : { text: spanOf(holdLeftMs), colour: 'yellow' },
  breaker === 'closed' || breaker === 'off' ? NONE : { text: openLeftMs === null ? breaker : `open ${spanOf(openLeftMs)}`, colour: 'yellow' },
  failingForMs === null ? NONE : { text: spanOf(failingForMs), colour: 'yellow' }, printable(url, 60),
];

function ownerCell(owner: Lane['owner']): Cell {
  switch (owner.kind) {
    case 'member':
      return printable(owner.member, 40);
    case 'ended':
      return { text: 'ended', colour: 'red' };
    case 'none':
      return { text: 'none', colour: 'red' };
  }
}

function limitWords({ ratePerSecond, concurrency }: Lane['limits']): string {
  return [ratePerSecond === 0 ? 'any rate' : `${ratePerSecond}/s`, concurrency === 0 ? 'any number' : `${concurrency} at once`].join(', ');
}

const loadRow = ({ targetId, ready, waiting, due, oldestDueForMs, nextWakeInMs, dead }: Lane): readonly Cell[] => [
  targetId, countOf(ready), countOf(waiting), nextWakeInMs === null ? NONE : spanOf(nextWakeInMs), countOf(due), oldestDueForMs === null ? NONE : spanOf(oldestDueForMs),
  dead.value === 0 ? '0' : { text: countOf(dead), colour: 'red' },
];

function warningLines({ level, text, fix }: Warning, paint: Paint): readonly string[] {
  return [paint(level === 'broken' ? 'red' : 'yellow', printable(text, 300)), `  Fix: ${fix}`];
}
