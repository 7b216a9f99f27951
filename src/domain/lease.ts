/**
 * A processor's session is a lease on being alive, and its lanes hang on it. The database judges when a lease has ended; the
 * holder stops trusting it earlier, counted on its own monotonic clock from *before* it asked for the renewal:
 *
 *   renewal sent ──────── 10 s: starts no more sends ──── 15 s: others may take its lanes
 *
 * so that two processors never start a send to one target at the same time, whatever their wall clocks say.
 */
import { createHash } from 'node:crypto';
import type { SessionId, TargetId } from './ids.ts';

export const LEASE_MS = 15_000;
export const RENEW_EVERY_MS = 5_000;
export const TRUST_MS = 10_000;
/** A lane that its preferred owner leaves free this long is taken by another. */
export const PREFERENCE_GRACE_MS = 2_000;

/** A session that let a lane lie free for that long is not handed it again for this long, so that lanes do not wander. */
export const PASSED_OVER_MS = 300_000;

/** Whether a lease renewed at `renewedAtMs` still allows starting a send at `nowMs`; both on one monotonic clock. */
export const isTrusted = (renewedAtMs: number, nowMs: number): boolean => nowMs - renewedAtMs < TRUST_MS;

/** A live session, as ownership sees it: members rank by name, so that a restart of a member keeps its lanes. */
export interface LiveSession {
  readonly id: SessionId;
  readonly member: string;
}

/**
 * The session that should own a target's lane: highest rendezvous hash of (member, target). Each processor computes the
 * same answer from the same list, and a member coming or going moves only its own share.
 */
export function preferredOwner(targetId: TargetId, sessions: readonly LiveSession[]): LiveSession | null {
  let best: { readonly session: LiveSession; readonly score: string } | null = null;
  for (const session of sessions) {
    const score = createHash('sha256').update(`${session.member}\n${targetId}`).digest('hex');
    // Two sessions of one member are a restart under way: the newer one is the living.
    if (best === null || score > best.score || (score === best.score && session.id > best.session.id)) best = { session, score };
  }
  return best?.session ?? null;
}
