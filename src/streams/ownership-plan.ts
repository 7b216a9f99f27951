/** Who should own which lane, decided from one look at lanes and sessions. Pure: the same look gives the same plan. */
import type { SessionId, TargetId } from '../domain/ids.ts';
import { LEASE_MS, PREFERENCE_GRACE_MS, preferredOwner } from '../domain/lease.ts';
import type { LaneRecord } from '../store/lanes.ts';
import type { SessionInfo } from '../store/sessions.ts';

/** A session that renewed this lately counts when lanes are handed out; one that did not may be dead already. */
const FRESH_MS = 7_000;

export interface OwnershipLook {
  readonly own: SessionId;
  readonly lanes: readonly LaneRecord[];
  readonly sessions: readonly SessionInfo[];
  /** Unix milliseconds on the server's clock. */
  readonly serverNowMs: number;
  /** The term under which this process holds a lane in memory. */
  readonly held: ReadonlyMap<TargetId, number>;
  /** How long each free lane has been seen free, in milliseconds. */
  readonly freeForMs: (targetId: TargetId) => number;
  /** The session that let this lane lie free when it should have taken it; it is not offered it again for a while. */
  readonly passedOver: (targetId: TargetId) => SessionId | null;
}

export interface OwnershipPlan {
  /** Somebody else's now: stop at once, release nothing. */
  readonly lost: readonly TargetId[];
  /** Ours by right of the database, better owned by another. */
  readonly release: readonly LaneRecord[];
  readonly take: readonly LaneRecord[];
  /** Free, and left to its preferred owner for a little longer. */
  readonly leave: readonly LaneRecord[];
}

export function planOwnership(look: OwnershipLook): OwnershipPlan {
  const { own, lanes, held } = look;
  const isMine = (lane: LaneRecord): boolean => lane.owner === own && held.get(lane.targetId) === lane.term;
  const preferred = preferredOf(look);
  const isPreferred = ({ targetId }: LaneRecord): boolean => preferred(targetId) === own;
  const hadItsChance = ({ targetId }: LaneRecord): boolean => look.passedOver(targetId) === preferred(targetId);
  const free = lanes.filter((lane) => isFree(lane, look));
  const takes = (lane: LaneRecord): boolean => isPreferred(lane) || look.freeForMs(lane.targetId) >= PREFERENCE_GRACE_MS;
  return {
    lost: [...held.keys()].filter((targetId) => !lanes.some((lane) => lane.targetId === targetId && isMine(lane))),
    release: lanes.filter((lane) => isMine(lane) && !isPreferred(lane) && !hadItsChance(lane)),
    take: free.filter(takes),
    leave: free.filter((lane) => !takes(lane)),
  };
}

type Sessions = Pick<OwnershipLook, 'own' | 'sessions' | 'serverNowMs'>;

/** Those that renew and stay, ourselves in any case. */
export const candidatesOf = ({ own, sessions, serverNowMs }: Sessions): readonly SessionInfo[] =>
  sessions.filter(({ id, until, leaving }) => id === own || (!leaving && isFresh(until, serverNowMs)));

/** Who should have a lane, of those. */
export function preferredOf(look: Sessions): (targetId: TargetId) => SessionId | null {
  const candidates = candidatesOf(look);
  return (targetId) => preferredOwner(targetId, candidates)?.id ?? null;
}

const isFresh = (until: Date, nowMs: number): boolean => until.getTime() - nowMs > LEASE_MS - FRESH_MS;

/** Without an owner, or its owner's session has ended, or it is ours under a term that this process does not hold. */
function isFree(lane: LaneRecord, { own, sessions, held }: OwnershipLook): boolean {
  if (lane.owner === null) return true;
  if (lane.owner === own) return held.get(lane.targetId) !== lane.term;
  return !sessions.some(({ id }) => id === lane.owner);
}
