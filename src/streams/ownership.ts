/**
 * Lane ownership (T10): takes the lanes this processor should have, drains and hands over those that another should have, and
 * drops at once those that another has taken. Woken by changes of `lanes` and `targets` and by each renewal of the session.
 */
import type { SessionId, TargetId } from '../domain/ids.ts';
import type { Target } from '../domain/target.ts';
import { PREFERENCE_GRACE_MS } from '../domain/lease.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import { createLoop, type Service } from '../runtime/service.ts';
import { someAtOnce } from '../runtime/some-at-once.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { listLanes, releaseLane, takeLane, type LaneRecord } from '../store/lanes.ts';
import { liveSessions, type SessionInfo } from '../store/sessions.ts';
import type { Store } from '../store/store.ts';
import type { LaneBook, OwnedLane } from './lane-book.ts';
import { candidatesOf, planOwnership, preferredOf } from './ownership-plan.ts';
import { PassedOver } from './passed-over.ts';
import type { LanePort, OpenLane } from './ports.ts';
import type { Session } from './session.ts';

export interface OwnershipDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly telemetry: Telemetry;
  readonly book: LaneBook;
  readonly session: Session;
  readonly targets: () => readonly Target[];
  readonly openLane: OpenLane;
  /** A lane is ours now: what it is owed must be looked for. */
  readonly onTaken: (targetId: TargetId) => void;
  readonly onRoom: (targetId: TargetId) => void;
}

export interface Ownership extends Service {
  /** Something about lanes or targets has changed: looks at everything. */
  nudge(): void;
  /** Looks who lives, and at the rest only when that has changed. */
  glance(): void;
  /** The session is gone, and with it every lane. */
  dropAll(): void;
}

const IDLE_MS = 30_000;
/** While a lane is about to be free: the stream would tell, but it may be busy catching up. */
const WATCHFUL_MS = PREFERENCE_GRACE_MS / 4;

/** Of the lanes that are free, so that a thousand of a dead processor's are not a thousand round trips. */
const TAKEN_AT_ONCE = 10;

const isEnding = ({ status }: Target): boolean => status === 'deleted';

export function createOwnership(deps: OwnershipDeps): Ownership {
  const { store, clock, serverClock, telemetry, book, session, targets, openLane, onTaken, onRoom } = deps;
  const freeSinceMs = new Map<TargetId, number>();
  const handovers = new Set<Promise<void>>();
  /** Still ours in the database, and on their way out: nobody may take them before they are drained, ourselves included. */
  const leaving = new Set<TargetId>();
  const passedOver = new PassedOver(clock);
  /** On the monotonic clock: until then nothing is expected of another look, unless others live, or are handed lanes, than then. */
  let nextLookAtMs = -Infinity;
  /** Rises with every change that is told of. */
  let news = 0;
  let lookedWith = '';
  /** Settles once the others have been told that this session ends. */
  let announced: Promise<void> = Promise.resolve();

  async function take(seen: LaneRecord, preferred: SessionId | null): Promise<void> {
    const target = targets().find(({ id }) => id === seen.targetId);
    if (target === undefined) return; // It went meanwhile.
    const lane = await takeLane(store, seen, session.id);
    if (lane === null) return;
    const { targetId, term, holdUntil, health } = lane;
    if (preferred !== null && preferred !== session.id) passedOver.note(targetId, preferred);
    const port = openLane(targetId, { term, health, onForgotten: (id) => book.noteForgotten(id), onRoom: () => onRoom(targetId) });
    keepHold(port, holdUntil);
    book.add({ port, limits: target.limits, isEnding: isEnding(target), term, takenAtMs: clock.monotonic(), catchingUp: true, hasParked: true, parkings: 0 });
    telemetry.emit('lane.taken', { targetId, term });
    onTaken(targetId);
  }

  /** A stored Retry-After; an owner before us may be told of it when the lane is ours already. */
  function keepHold(port: LanePort, until: Date | null): void {
    const leftMs = until === null ? 0 : until.getTime() - serverClock.now();
    if (leftMs > 0) port.hold(leftMs);
  }

  /** Stops offering to a lane now, lets what runs end, then gives the lane back. */
  async function handOver(lane: OwnedLane, reason: string): Promise<void> {
    const { targetId } = lane.port;
    book.remove(targetId);
    leaving.add(targetId);
    try {
      await Promise.all([lane.port.drain(), announced]);
      await releaseLane(store, targetId, session.id, lane.term);
    } finally {
      leaving.delete(targetId);
    }
    telemetry.emit('lane.released', { targetId, reason });
    nudge();
  }

  function drop(lane: OwnedLane, reason: string): void {
    book.remove(lane.port.targetId);
    telemetry.emit('lane.released', { targetId: lane.port.targetId, reason });
    track(lane.port.drain());
  }

  /** Handovers run beside each other and beside the turns; stop() waits for them. */
  function track(handover: Promise<void>): void {
    const ended = handover.catch((error: unknown) => telemetry.emit('loop.failed', { loop: 'handover', error: messageOf(error) })).finally(() => handovers.delete(ended));
    handovers.add(ended);
  }

  function noteFree(lanes: readonly LaneRecord[]): void {
    const now = clock.monotonic();
    const free = new Set(lanes.map(({ targetId }) => targetId));
    for (const targetId of freeSinceMs.keys()) if (!free.has(targetId)) freeSinceMs.delete(targetId);
    for (const targetId of free) if (!freeSinceMs.has(targetId)) freeSinceMs.set(targetId, now);
  }

  async function turn(): Promise<number> {
    if (!session.isTrusted()) return IDLE_MS;
    const sessions = await liveSessions(store);
    session.expectExpiries(sessions);
    const leftMs = nextLookAtMs - clock.monotonic();
    return leftMs > 0 && whoIn(sessions) === lookedWith ? leftMs : look(sessions);
  }

  /** Who lives, whose lanes are theirs until they do not, and who of them is handed lanes. */
  const whoIn = (sessions: readonly SessionInfo[]): string => [sessions, candidatesOf({ own: session.id, sessions, serverNowMs: serverClock.now() })].map((some) => some.map(({ id }) => id).join()).join('; ');

  /** Notes when to look again; news that come meanwhile make that now, and so does a look that fails. */
  async function look(sessions: readonly SessionInfo[]): Promise<number> {
    const newsBefore = news;
    nextLookAtMs = -Infinity;
    lookedWith = whoIn(sessions);
    const waitMs = await plan(sessions);
    if (news !== newsBefore) return 0;
    nextLookAtMs = clock.monotonic() + waitMs;
    return waitMs;
  }

  async function plan(sessions: readonly SessionInfo[]): Promise<number> {
    const own = session.id;
    const all = await listLanes(store, targets().map(({ id }) => id));
    const known = new Set(targets().map(({ id }) => id));
    // The lane of a target that is gone is nobody's: there is nothing to send to.
    const lanes = all.filter(({ targetId }) => known.has(targetId) && !leaving.has(targetId));
    const held = new Map(book.all().map(({ port, term }) => [port.targetId, term]));
    const freeForMs = (targetId: TargetId): number => clock.monotonic() - (freeSinceMs.get(targetId) ?? Infinity);
    const seen = { own, lanes, sessions, serverNowMs: serverClock.now(), held, freeForMs, passedOver: (targetId: TargetId) => passedOver.of(targetId) };
    const [planned, preferred] = [planOwnership(seen), preferredOf(seen)];
    for (const targetId of planned.lost) withLane(targetId, (lane) => drop(lane, known.has(targetId) ? 'taken by another' : 'target gone'));
    for (const { targetId } of planned.release) withLane(targetId, (lane) => track(handOver(lane, 'handed over')));
    for (const target of targets()) withLane(target.id, (lane) => renewWhenChanged(lane, target));
    for (const { targetId, holdUntil } of lanes) withLane(targetId, ({ port }) => keepHold(port, holdUntil));
    await someAtOnce(planned.take, TAKEN_AT_ONCE, (lane) => take(lane, preferred(lane.targetId)));
    noteFree(planned.leave);
    const isAwaited = lanes.some(({ targetId, owner }) => owner !== null && owner !== own && preferred(targetId) === own);
    return planned.leave.length > 0 || isAwaited ? WATCHFUL_MS : IDLE_MS;
  }

  /** A lane is built for its limits; with others it is given back and taken anew, which keeps them exact in between. */
  function renewWhenChanged(lane: OwnedLane, target: Target): void {
    const { limits } = target;
    // What an ending lane is owed must be in nobody's memory, and what another is owed should be.
    if (lane.isEnding !== isEnding(target)) track(handOver(lane, target.status));
    else if (lane.limits.ratePerSecond !== limits.ratePerSecond || lane.limits.concurrency !== limits.concurrency) track(handOver(lane, 'limits changed'));
  }

  function withLane(targetId: TargetId, act: (lane: OwnedLane) => void): void {
    const lane = book.get(targetId);
    if (lane !== null) act(lane);
  }

  const loop = createLoop({ clock, telemetry }, { name: 'ownership', turn, retryMs: 500 });

  function nudge(): void {
    news += 1;
    nextLookAtMs = -Infinity;
    loop.nudge();
  }

  return {
    nudge,
    glance: () => loop.nudge(),
    start: async () => {
      await turn();
      await loop.start();
    },
    async stop() {
      await loop.stop();
      if (book.all().length > 0) announced = session.announceLeaving();
      for (const lane of book.all()) track(handOver(lane, 'stopping'));
      await Promise.all(handovers);
    },
    dropAll() {
      for (const lane of book.all()) drop(lane, 'session ended');
    },
  };
}
