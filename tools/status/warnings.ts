/**
 * What is wrong, in plain words, with what to do about it. `broken`: something is not delivered now that should be. `hint`: it works, and
 * somebody should look. Pure.
 */
import type { Lane, Member, Snapshot } from './snapshot.ts';
import { countOf, spanOf } from './words.ts';

export interface Warning {
  readonly level: 'broken' | 'hint';
  readonly text: string;
  readonly fix: string;
}

/** A quiet stream's place is up to 10 s old when it is written down, every 10 s: older than this, it lags. */
const LAG_MS = 60_000;
const BEHIND_MS = 300_000;
const UP: readonly string[] = ['PRIMARY', 'SECONDARY', 'ARBITER'];

export function warningsOf(snapshot: Snapshot): readonly Warning[] {
  const living = snapshot.members.filter(({ state }) => state !== 'expired');
  return [
    ...(living.length === 0 ? [{ level: 'broken', text: 'No live processor: nothing is delivered', fix: 'start one with npm run processor, or all with npm start' } as const] : snapshot.lanes.flatMap(laneWarnings)),
    ...snapshot.members.flatMap(memberWarnings),
    ...living.flatMap((member) => streamWarnings(member, snapshot.oplog)),
    ...snapshot.lanes.flatMap(breakerWarnings),
    ...snapshot.lanes.flatMap(targetWarnings),
    ...nodeWarnings(snapshot.nodes),
    ...secretWarnings(snapshot.secrets),
  ];
}

function laneWarnings({ targetId, owner, status, oldestDueForMs, holdLeftMs, breaker, due }: Lane): readonly Warning[] {
  if (owner.kind === 'none') return [{ level: 'broken', text: `Lane ${targetId} has no owner: nothing is sent there`, fix: 'look again in 20 s, when it should be taken; else read the log of the processors' }];
  if (owner.kind === 'ended') return [{ level: 'broken', text: `Lane ${targetId} belongs to a session that has ended: nothing is sent there`, fix: 'look again in 20 s, when it should be taken; else read the log of the processors' }];
  if (status !== 'active' || holdLeftMs !== null || breaker === 'open' || breaker === 'half-open' || oldestDueForMs === null || oldestDueForMs < BEHIND_MS) return [];
  return [{ level: 'hint', text: `${targetId} is behind: ${countOf(due)} due, the oldest for ${spanOf(oldestDueForMs)}`, fix: 'raise its limits, or see why its receiver is slow' }];
}

function memberWarnings({ member, state, leaseLeftMs, host, pid }: Member): readonly Warning[] {
  if (state === 'expired') return [{ level: 'hint', text: `The lease of ${member} ran out ${spanOf(-leaseLeftMs)} ago, and nobody has ended its session`, fix: `see whether process ${pid} on ${host} lives; another processor ends its session within 20 s` }];
  if (state === 'stale') return [{ level: 'hint', text: `${member} has not renewed its lease, ${spanOf(leaseLeftMs)} of it are left: it starts no more sends`, fix: `see whether process ${pid} on ${host} lives, and whether it reaches MongoDB` }];
  return [];
}

function streamWarnings({ member, forMs, stream }: Member, oplog: Snapshot['oplog']): readonly Warning[] {
  if (stream === null) return forMs < LAG_MS ? [] : [{ level: 'hint', text: `${member} has saved no place in the stream since it started ${spanOf(forMs)} ago`, fix: 'read its log for stream.closed; the sweep delivers meanwhile' }];
  if (stream.lagMs < LAG_MS) return [];
  if (oplog?.leftMs != null && oplog.leftMs <= 0) return [{ level: 'hint', text: `The oplog no longer reaches back to where the stream of ${member} is (${spanOf(stream.lagMs)} behind, oplog ${spanOf(oplog.windowMs)})`, fix: 'none is needed: it starts anew and the sweep finds what it missed; a larger oplog (replSetResizeOplog) avoids it' }];
  const reach = oplog === null ? '' : `, the oplog reaches back ${spanOf(oplog.windowMs)}`;
  return [{ level: 'hint', text: `The stream of ${member} is ${spanOf(stream.lagMs)} behind${reach}`, fix: 'see whether the process is short of CPU or MongoDB is slow; the sweep delivers meanwhile' }];
}

/** A minute's trouble is no news; what goes on, or stops the sending, is. */
function breakerWarnings({ targetId, status, breaker, openLeftMs, failingForMs, due }: Lane): readonly Warning[] {
  if (status !== 'active') return [];
  const failing = failingForMs === null ? '' : `, failing for ${spanOf(failingForMs)}`;
  const waiting = `${countOf(due)} due deliveries wait`;
  if (breaker === 'open' || breaker === 'half-open') return [{ level: 'hint', text: `The breaker of ${targetId} is ${breaker}${failing}: ${waiting}`, fix: `see why its receiver fails; ${openLeftMs === null ? 'the next delivery is a probe' : `a probe goes out in ${spanOf(openLeftMs)}`}, and what is owed is kept` }];
  if (failingForMs === null || failingForMs < BEHIND_MS) return [];
  return [{ level: 'hint', text: `Nothing has worked at ${targetId} for ${spanOf(failingForMs)}`, fix: 'see why its receiver fails; after 5 days without a success it is disabled' }];
}

function targetWarnings({ targetId, status, statusReason, due }: Lane): readonly Warning[] {
  if (status === 'active' || due.value === 0) return [];
  if (status === 'deleted') return [{ level: 'hint', text: `${targetId} is deleted, and ${countOf(due)} due deliveries to it are still to be ended`, fix: 'see that a processor runs: the one that owns its lane ends them' }];
  return [{ level: 'hint', text: `${targetId} is ${status}${statusReason === null ? '' : ` (${statusReason})`}, and ${countOf(due)} due deliveries wait for it`, fix: 'make it active again; they are kept until then' }];
}

function nodeWarnings(nodes: Snapshot['nodes']): readonly Warning[] {
  return (nodes ?? []).filter(({ state }) => !UP.includes(state)).map(({ name, state }) => ({ level: 'hint', text: `Member ${name} of the replica set is ${state}`, fix: 'bring it back: each one missing takes the set closer to having no majority' }));
}

function secretWarnings({ uses, canOpen, closed }: Snapshot['secrets']): readonly Warning[] {
  const plain = uses.find(({ keyId }) => keyId === null)?.secrets ?? 0;
  return [
    ...closed.map(({ targetId, reason }) => ({ level: 'broken', text: `${targetId} is not sent to: ${reason}`, fix: 'set the key that sealed it; or rotate the secret of this target, and delete the one that does not open' } as const)),
    ...(plain === 0 ? [] : [{ level: 'hint', text: `${plain} signing secret${plain === 1 ? ' is' : 's are'} stored plain`, fix: 'set HOOKTAIL_MASTER_KEY (npm run keys -- make makes one), start the programs again, and run npm run keys -- rewrap' } as const]),
    ...(canOpen ? [] : [{ level: 'hint', text: 'Signing secrets are sealed under a master key that is not set here, so whether they open is not told', fix: 'give this tool the HOOKTAIL_MASTER_KEY of the programs; they do not start without it' } as const]),
  ];
}
