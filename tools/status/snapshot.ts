/** One look at the whole system, as plain values. All times are told as spans from the server's now, so no clock of ours counts. */
import { WELL } from '../../src/domain/breaker.ts';
import type { TargetId } from '../../src/domain/ids.ts';
import { LEASE_MS, TRUST_MS } from '../../src/domain/lease.ts';
import { faultOf } from '../../src/domain/signing-secret.ts';
import type { Target } from '../../src/domain/target.ts';
import { shownUrl } from '../../src/runtime/errors.ts';
import { listLanes, type LaneRecord } from '../../src/store/lanes.ts';
import { serverTime } from '../../src/store/replay.ts';
import { countByKey, type KeyUse } from '../../src/store/sealed-secrets.ts';
import { checkSchemaVersion } from '../../src/store/schema-version.ts';
import { liveSessions, type SessionInfo } from '../../src/store/sessions.ts';
import { countDue, countInState, countPendingFanOut, nextWakeAt, oldestDueAt, oldestPendingFanOut, oplogWindow, serverVersion, setMembers, streamPlaces, type Count, type SetMember, type StreamPlace } from '../../src/store/status.ts';
import type { Store } from '../../src/store/store.ts';
import { listTargets } from '../../src/store/targets.ts';
import { chunks } from '../replay/search.ts';
import { timeOfEvent, timeOfSession } from '../replay/id-time.ts';

export interface Member {
  readonly member: string;
  readonly session: string;
  readonly host: string;
  readonly pid: number;
  readonly forMs: number;
  readonly leaseLeftMs: number;
  /** `stale`: it has not renewed for so long that it starts no more sends. `expired`: others may take its lanes. */
  readonly state: 'fresh' | 'leaving' | 'stale' | 'expired';
  readonly lanes: number;
  /** Null until its first place is saved. */
  readonly stream: { readonly lagMs: number; readonly savedForMs: number } | null;
}

export type Owner = { readonly kind: 'none' } | { readonly kind: 'member'; readonly member: string } | { readonly kind: 'ended'; readonly session: string };

export interface Lane {
  readonly targetId: TargetId;
  readonly url: string;
  readonly status: Target['status'];
  readonly statusReason: string | null;
  readonly limits: Target['limits'];
  readonly owner: Owner;
  readonly term: number;
  readonly holdLeftMs: number | null;
  /** `half-open`: its time is over, and the next delivery is the probe. */
  readonly breaker: 'closed' | 'open' | 'half-open' | 'recovering' | 'off';
  /** Of an open breaker: until its next probe. */
  readonly openLeftMs: number | null;
  /** How long nothing has worked; null while something does. Up to a minute old. */
  readonly failingForMs: number | null;
  readonly ready: Count;
  readonly waiting: Count;
  readonly due: Count;
  readonly oldestDueForMs: number | null;
  readonly nextWakeInMs: number | null;
  readonly dead: Count;
}

export interface Snapshot {
  readonly database: string;
  readonly at: Date;
  readonly schemaVersion: number | null;
  readonly mongodbVersion: string;
  /** Null when this user may not ask. */
  readonly nodes: readonly SetMember[] | null;
  /** Null when this user may not read `local`. `leftMs`: how far it reaches back behind the place of the member furthest behind. */
  readonly oplog: { readonly windowMs: number; readonly leftMs: number | null } | null;
  readonly members: readonly Member[];
  readonly lanes: readonly Lane[];
  readonly pendingFanOut: Count & { readonly oldestForMs: number | null };
  /** Stored signing secrets by the key that seals them; null: plain. `canOpen`: whether all those keys are set here; if so, `closed` names the targets whose secrets do not open. */
  readonly secrets: { readonly uses: readonly KeyUse[]; readonly canOpen: boolean; readonly closed: readonly { readonly targetId: TargetId; readonly reason: string }[] };
}

const MOST_COUNTED = 100_000;
const LEAST_COUNTED = 1_000;
/** Over all targets: with many of them, less of each is counted. */
const COUNTED_IN_ALL = 2_000_000;
const TARGETS_AT_ONCE = 4;

export async function takeSnapshot(store: Store): Promise<Snapshot> {
  const at = await serverTime(store);
  const [targets, lanes, sessions] = await Promise.all([listTargets(store), listLanes(store, []), liveSessions(store)]);
  const [places, pendingFanOut, window, nodes, mongodbVersion, schemaVersion, uses] = await Promise.all([
    streamPlaces(store, sessions.map(({ member }) => member)), fanOutOf(store, at), oplogWindow(store), setMembers(store), serverVersion(store), checkSchemaVersion(store), countByKey(store),
  ]);
  const oldestPlace = places.length === 0 ? null : Math.min(...places.map(({ reachedAt }) => reachedAt.getTime()));
  return {
    database: store.db.databaseName, at, schemaVersion, mongodbVersion, nodes, pendingFanOut, secrets: { uses, canOpen: !store.vault.isBlind, closed: targets.flatMap((target) => closedOf(target, store)) },
    oplog: window === null ? null : { windowMs: window.lastAt.getTime() - window.firstAt.getTime(), leftMs: oldestPlace === null ? null : oldestPlace - window.firstAt.getTime() },
    members: sessions.map((session) => memberOf(session, { at, lanes, places })),
    lanes: await lanesOf(store, targets, { at, lanes, sessions }),
  };
}

async function fanOutOf(store: Store, at: Date): Promise<Snapshot['pendingFanOut']> {
  const [count, oldest] = await Promise.all([countPendingFanOut(store, MOST_COUNTED), oldestPendingFanOut(store)]);
  return { ...count, oldestForMs: oldest === null ? null : since(timeOfEvent(oldest), at) };
}

interface Around {
  readonly at: Date;
  readonly lanes: readonly LaneRecord[];
}

function memberOf({ id, member, host, pid, until, leaving }: SessionInfo, { at, lanes, places }: Around & { readonly places: readonly StreamPlace[] }): Member {
  const leaseLeftMs = until.getTime() - at.getTime();
  const place = places.find((one) => one.member === member);
  return {
    member, session: id, host, pid, leaseLeftMs,
    forMs: since(timeOfSession(id), at),
    state: leaseLeftMs <= 0 ? 'expired' : leaseLeftMs < LEASE_MS - TRUST_MS ? 'stale' : leaving ? 'leaving' : 'fresh',
    lanes: lanes.filter(({ owner }) => owner === id).length,
    stream: place === undefined ? null : { lagMs: since(place.reachedAt, at), savedForMs: since(place.savedAt, at) },
  };
}

async function lanesOf(store: Store, targets: readonly Target[], around: Around & { readonly sessions: readonly SessionInfo[] }): Promise<readonly Lane[]> {
  const limit = Math.max(LEAST_COUNTED, Math.min(MOST_COUNTED, Math.floor(COUNTED_IN_ALL / Math.max(1, targets.length))));
  const found: Lane[] = [];
  for (const few of chunks(targets, TARGETS_AT_ONCE)) found.push(...(await Promise.all(few.map((target) => laneOf(store, target, { ...around, limit })))));
  return found;
}

async function laneOf(store: Store, { id, url, status, statusReason, limits }: Target, { at, lanes, sessions, limit }: Around & { readonly sessions: readonly SessionInfo[]; readonly limit: number }): Promise<Lane> {
  const lane = lanes.find(({ targetId }) => targetId === id);
  const [ready, waiting, due, oldestDue, nextWake, dead] = await Promise.all([
    countInState(store, id, 'ready', limit), countInState(store, id, 'waiting', limit), countDue(store, id, at, limit),
    oldestDueAt(store, id, at), nextWakeAt(store, id, at), countInState(store, id, 'dead', limit),
  ]);
  return {
    targetId: id, url: shownUrl(url), status, statusReason, limits, ready, waiting, due, dead,
    owner: ownerOf(lane, sessions),
    term: lane?.term ?? 0,
    ...healthOf(lane, at),
    holdLeftMs: lane?.holdUntil == null || lane.holdUntil <= at ? null : lane.holdUntil.getTime() - at.getTime(),
    oldestDueForMs: oldestDue === null ? null : since(oldestDue, at),
    nextWakeInMs: nextWake === null ? null : nextWake.getTime() - at.getTime(),
  };
}

function healthOf(lane: LaneRecord | undefined, at: Date): Pick<Lane, 'breaker' | 'openLeftMs' | 'failingForMs'> {
  const { breaker, failingSinceMs } = lane?.health ?? WELL;
  const openLeftMs = breaker.kind === 'open' ? breaker.untilMs - at.getTime() : 0;
  return {
    breaker: breaker.kind === 'open' && openLeftMs <= 0 ? 'half-open' : breaker.kind,
    openLeftMs: openLeftMs > 0 ? openLeftMs : null,
    failingForMs: failingSinceMs === null ? null : since(new Date(failingSinceMs), at),
  };
}

function ownerOf(lane: LaneRecord | undefined, sessions: readonly SessionInfo[]): Owner {
  if (lane?.owner == null) return { kind: 'none' };
  const session = sessions.find(({ id }) => id === lane.owner);
  return session === undefined ? { kind: 'ended', session: lane.owner } : { kind: 'member', member: session.member };
}

/** Never negative: the cluster's clock and the server's can be a second apart. */
const since = (moment: Date, at: Date): number => Math.max(0, at.getTime() - moment.getTime());

function closedOf({ id, secrets }: Target, { vault }: Store): Snapshot['secrets']['closed'] {
  const reason = vault.isBlind ? null : faultOf(secrets);
  return reason === null ? [] : [{ targetId: id, reason }];
}
