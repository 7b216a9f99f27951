/**
 * This processor's session (T9): a lease on being alive, renewed every 5 s, trusted for 10 of its 15 s. A session that was
 * ended never comes back: the processor drops its lanes and begins another, unless a process of the same name replaced it.
 */
import { newSessionId, type SessionId } from '../domain/ids.ts';
import { isTrusted, LEASE_MS, RENEW_EVERY_MS } from '../domain/lease.ts';
import type { Clock } from '../runtime/clock.ts';
import { FatalError } from '../runtime/errors.ts';
import { hedged } from '../runtime/hedged.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import { createLoop, type Service } from '../runtime/service.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { announceLeaving, endExpiredSessions, endingOf, endPredecessors, endSession, renewSession, startSession, type SessionInfo } from '../store/sessions.ts';
import type { Store } from '../store/store.ts';
import type { MemberChoice } from './member.ts';
import type { Fail } from './ports.ts';

export interface SessionDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly telemetry: Telemetry;
  readonly fail: Fail;
}

export interface SessionOptions {
  /** The name to go by, and which sessions it replaces; asked again when somebody else was faster. */
  readonly chooseMember: () => Promise<MemberChoice>;
  readonly host: string;
  readonly pid: number;
  /** After each renewal, and after somebody's session was ended. */
  readonly onRenewed: () => void;
  /** The session was ended by somebody else: whatever hung on it is gone. */
  readonly onLost: () => void;
}

export interface Session extends Service {
  readonly id: SessionId;
  /** Known once started. */
  readonly member: string;
  /** Whether a send may start now. */
  isTrusted(): boolean;
  /** These are alive by what was last seen: the moment one of them runs out is not waited past. */
  expectExpiries(sessions: readonly SessionInfo[]): void;
  /** Tells the others that this session is about to end; never rejects, since its lease ends by itself. */
  announceLeaving(): Promise<void>;
}

/** An expiry is looked for this much after it is due, by which the two clocks may differ. */
const EXPIRY_MARGIN_MS = 50;
const SHORTEST_WAIT_MS = 250;
const LOOK_FOR_EXPIRY_EVERY_MS = 30_000;
/** One connection that is dead without a word must not cost the lease; a round trip of a second must not be asked for again. */
const HEDGE_EVERY_MS = 2_000;

export function createSession({ store, clock, serverClock, telemetry, fail }: SessionDeps, options: SessionOptions): Session {
  const { host, pid, onRenewed, onLost } = options;
  let member = '';
  let id = newSessionId(clock.now());
  let renewedAtMs = -Infinity;
  let renewedAtWallMs = -Infinity;
  let firstExpiryMs = Infinity;
  let lookedForExpiryMs = -Infinity;
  let unbrokenSinceMs = Infinity;

  /** Counts from before the renewal was sent: the server's lease began no earlier. One that a later one has overtaken counts for nothing. */
  async function timed(renewal: () => Promise<Date | null>): Promise<boolean> {
    const [askedAtMs, askedAtWallMs, asker] = [clock.monotonic(), clock.now(), id];
    const serverTime = await renewal();
    if (serverTime === null) return false;
    if (asker !== id || askedAtMs < renewedAtMs) return true;
    const answeredAtMs = clock.monotonic();
    if (!isTrusted(renewedAtMs, answeredAtMs)) unbrokenSinceMs = answeredAtMs;
    serverClock.observe(serverTime.getTime(), askedAtMs, answeredAtMs);
    renewedAtMs = askedAtMs;
    renewedAtWallMs = askedAtWallMs;
    return true;
  }

  async function begin(): Promise<void> {
    do {
      const choice = await options.chooseMember();
      member = choice.member;
      await endPredecessors(store, choice.replaces);
    } while (!(await timed(() => startSession(store, { id, member, host, pid }))));
    telemetry.emit('session.started', { member, sessionId: id });
  }

  async function replace(): Promise<void> {
    const lost = id;
    const reason = (await endingOf(store, lost)) ?? 'removed';
    telemetry.emit('session.lost', { member, sessionId: lost, reason });
    renewedAtMs = -Infinity;
    onLost();
    if (reason === 'successor') {
      fail(new FatalError('superseded', `Another process has taken over the processor name ${member}`, { fix: 'give each processor its own PROCESSOR_NAME' }));
      return;
    }
    id = newSessionId(clock.now());
    await begin();
  }

  /** After an outage of the database, the living are given time to renew before anybody is declared dead: a lease from the first answer on. */
  const mayEndOthers = (): boolean => trusted() && clock.monotonic() - unbrokenSinceMs >= LEASE_MS;

  async function turn(): Promise<number> {
    if (!(await hedged(clock, HEDGE_EVERY_MS, () => timed(() => renewSession(store, id))))) await replace();
    if (mayEndOthers() && isExpiryLikely()) await endExpired();
    onRenewed();
    return untilNextTurn();
  }

  /** By what was last seen of the others; now and then whatever was seen. */
  const isExpiryLikely = (): boolean => serverClock.now() >= firstExpiryMs || clock.monotonic() - lookedForExpiryMs >= LOOK_FOR_EXPIRY_EVERY_MS;

  async function endExpired(): Promise<void> {
    lookedForExpiryMs = clock.monotonic();
    const at = new Date(serverClock.now());
    await hedged(clock, HEDGE_EVERY_MS, () => endExpiredSessions(store, at));
  }

  /** A dead member's lanes wait for the end of its lease, and not for our next renewal on top. */
  function untilNextTurn(): number {
    const expiryInMs = firstExpiryMs + EXPIRY_MARGIN_MS - serverClock.now();
    return Math.min(RENEW_EVERY_MS, Math.max(expiryInMs, SHORTEST_WAIT_MS));
  }

  /**
   * A machine that was suspended has a monotonic clock that stood still, so the wall clock must agree. One that was set
   * forward costs no more than a renewal, which is asked for at once.
   */
  function trusted(): boolean {
    if (!isTrusted(renewedAtMs, clock.monotonic())) return false;
    const agreed = isTrusted(renewedAtWallMs, clock.now());
    if (!agreed) loop.nudge();
    return agreed;
  }

  const loop = createLoop({ clock, telemetry }, { name: 'session', turn, retryMs: 250 });

  return {
    get id() {
      return id;
    },
    get member() {
      return member;
    },
    isTrusted: trusted,
    expectExpiries(sessions) {
      firstExpiryMs = Math.min(...sessions.filter((other) => other.id !== id).map(({ until }) => until.getTime()));
    },
    announceLeaving: () => announceLeaving(store, id).catch(() => undefined),
    async start() {
      await begin();
      await loop.start();
    },
    async stop() {
      await loop.stop();
      await endSession(store, id).catch(() => undefined); // Its lease ends by itself when the database is away.
    },
  };
}
