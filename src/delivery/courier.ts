/**
 * One job, seen through: turn → try (and quick retries) → verdict → settlement → marks. What the receiver does is data all the
 * way; only the end of the process leaves a job undone, and then nothing is written and it is still owed.
 */
import { assertNever } from '../domain/assert-never.ts';
import { isQuicklyRetryable, recordAttempt, type Attempt, type Outcome } from '../domain/attempt.ts';
import type { DeliveryJob } from '../domain/delivery.ts';
import { verdictOf, type Verdict } from '../domain/policy.ts';
import type { Target } from '../domain/target.ts';
import type { Batcher } from '../runtime/batcher.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import type { SettledState, Settlement } from '../store/deliveries.ts';
import { attemptHeaders } from './headers.ts';
import { LaneDrained, type Lane } from './lane.ts';
import type { Marker } from './mark.ts';
import { QUICK_RETRIES, retryQuickly } from './quick-retry.ts';
import type { Sender } from './sender.ts';
import type { SettleResult } from './settle.ts';
import type { TurnWish } from './turn-queue.ts';

export interface CourierDeps {
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly sender: Sender;
  readonly settler: Batcher<Settlement, SettleResult>;
  readonly marker: Marker;
  readonly targetOf: (job: DeliveryJob) => Target | null;
}

/** What results mean for the target as a whole. None of it rejects; null: nothing is to be waited for. */
export interface TargetHealth {
  note(outcome: Outcome, isProbe: boolean): Promise<void> | null;
  hold(ms: number): Promise<void>;
  disable(reason: string): Promise<void>;
}

/** What one run of tries came to. */
interface Tries {
  readonly target: Target;
  readonly outcome: Outcome;
  readonly attempts: readonly Attempt[];
  readonly isProbe: boolean;
  /** Once the lane knows what this means for it: the next start must not slip by a verdict that shuts it. */
  readonly leaveLane: () => void;
  readonly giveSlotBack: () => void;
}

type OneTry = Tries & { readonly durationMs: number };

export type Deliver = (job: DeliveryJob, lane: Lane, health: TargetHealth) => Promise<'forget' | 'marking'>;

/** Made once: every delivery asks for one of these. */
const FRESH: TurnWish = { isUrgent: false, isRetry: false };
const RETRY: TurnWish = { isUrgent: false, isRetry: true };
const QUICK_FRESH: TurnWish = { isUrgent: true, isRetry: false };
const QUICK_RETRY: TurnWish = { isUrgent: true, isRetry: true };

const wishOf = ({ claim }: DeliveryJob, isQuick: boolean): TurnWish => (claim.attemptCount > 0 ? (isQuick ? QUICK_RETRY : RETRY) : isQuick ? QUICK_FRESH : FRESH);

export function createCourier(deps: CourierDeps): Deliver {
  const { clock, serverClock, random, telemetry, sender, settler, marker, targetOf } = deps;

  /** One try in its own turn. The slot is kept: what has been answered but not written down still counts. */
  async function tryOnce(job: DeliveryJob, lane: Lane, quickRetry: number, usedMs: number): Promise<OneTry> {
    const turn = await lane.takeTurn(wishOf(job, quickRetry > 0));
    const target = targetOf(job);
    if (target === null) {
      turn.leaveLane();
      turn.giveSlotBack();
      if (turn.isProbe) lane.probeAgain();
      throw new Error(`Expected target ${job.claim.targetId} of an owned lane, got none that can sign`);
    }
    const number = job.claim.attemptCount + 1;
    const at = new Date(serverClock.now());
    const startedAtMs = clock.monotonic();
    telemetry.emit('attempt.started', { deliveryId: job.claim.id, targetId: target.id, number, atMs: startedAtMs });
    const headers = attemptHeaders(target, job.content, { number, nowMs: at.getTime() });
    const outcome = await sender.send({ url: target.url, headers, body: job.content.body, timeoutMs: Math.max(1, target.timeoutMs - usedMs) });
    const durationMs = Math.round(clock.monotonic() - startedAtMs);
    const attempts = outcome.kind === 'cut' ? [] : [recordAttempt({ number, quickRetry, at, durationMs }, outcome)];
    for (const { outcome: kind, status, error } of attempts) telemetry.emit('delivery.attempted', { deliveryId: job.claim.id, targetId: target.id, number, outcome: kind, status, error, durationMs });
    return { target, outcome, attempts, isProbe: turn.isProbe, leaveLane: turn.leaveLane, giveSlotBack: turn.giveSlotBack, durationMs };
  }

  /** The attempt with its quick retries, all under one deadline. A lane that takes nothing now is not waited for: the schedule is. */
  async function attempt(job: DeliveryJob, lane: Lane): Promise<Tries> {
    let last: OneTry = await tryOnce(job, lane, 0, 0);
    if (last.isProbe || !isQuicklyRetryable(last.outcome)) return last;
    let usedMs = last.durationMs;
    const all = [...last.attempts];
    last = leaving(last);
    const again = async (quickRetry: number): Promise<Outcome> => {
      if (usedMs >= last.target.timeoutMs || lane.isShut) return NO_MORE;
      last.giveSlotBack();
      const next = await tryOnce(job, lane, quickRetry, usedMs).catch((error: unknown) => unlessBroken(error, lane));
      if (next === null) {
        last = { ...last, giveSlotBack: () => undefined };
        return NO_MORE;
      }
      last = quickRetry < QUICK_RETRIES && isQuicklyRetryable(next.outcome) ? leaving(next) : next;
      usedMs += next.durationMs;
      all.push(...next.attempts);
      return next.outcome;
    };
    await retryQuickly(last.outcome, again);
    return { ...last, attempts: all };
  }

  async function settle(job: DeliveryJob, tries: Tries, verdict: Exclude<Verdict, { kind: 'released' }>): Promise<SettleResult> {
    const result = await settler.add({ claim: job.claim, attempts: tries.attempts, to: stateAfter(verdict, serverClock.now()) });
    const { id: deliveryId, targetId } = job.claim;
    if (result === 'late') telemetry.emit('delivery.resultDropped', { deliveryId, targetId });
    else telemetry.emit('delivery.settled', { deliveryId, targetId, verdict: verdict.kind, delayMs: verdict.kind === 'retry' ? verdict.delayMs : null, reason: verdict.kind === 'dead' ? verdict.reason : null });
    return result;
  }

  /** Waiting deliveries leave memory at once, since their timer brings them back; settled ones once their event is marked. */
  function mark(job: DeliveryJob, lane: Lane, { kind }: Verdict, result: SettleResult): 'forget' | 'marking' {
    const { id, eventId, targetId, attemptCount } = job.claim;
    const state = kind === 'delivered' ? 'delivered' : kind === 'dead' ? 'dead' : 'waiting';
    // After a late result the database alone knows how far the delivery has come.
    const progress = result === 'late' ? null : ({ targetId, state, attemptCount: attemptCount + 1 } as const);
    const note = { eventId, targetIds: job.content.targetIds, progress };
    marker.note(state === 'waiting' ? note : { ...note, onMarked: () => lane.forget(id) });
    return state === 'waiting' ? 'forget' : 'marking';
  }

  /** At once and in memory, so that no further start slips through; then in the database, before the result: a crash must not forget it. */
  function hold(lane: Lane, health: TargetHealth, target: Target, holdMs: number): Promise<void> {
    telemetry.emit('lane.held', { targetId: target.id, holdMs });
    lane.hold(holdMs);
    return health.hold(holdMs);
  }

  async function see(job: DeliveryJob, lane: Lane, health: TargetHealth): Promise<'forget' | 'marking'> {
    const tries = await attempt(job, lane);
    try {
      const number = job.claim.attemptCount + 1;
      const verdict = verdictOf(tries.outcome, { policy: tries.target.retry, number, nowMs: serverClock.now(), random: random() });
      const noted = health.note(tries.outcome, tries.isProbe);
      const held = 'holdLaneMs' in verdict && verdict.holdLaneMs !== null ? hold(lane, health, tries.target, verdict.holdLaneMs) : null;
      const disabled = verdict.kind === 'dead' && verdict.disableTarget ? health.disable(verdict.reason) : null;
      tries.leaveLane();
      if (verdict.kind === 'released') return 'forget';
      if (held !== null) await held;
      const result = await settle(job, tries, verdict);
      if (noted !== null) await noted;
      if (disabled !== null) await disabled;
      return mark(job, lane, verdict, result);
    } finally {
      tries.giveSlotBack();
    }
  }

  return async (job, lane, health) => {
    try {
      return await see(job, lane, health);
    } catch (error) {
      // Nothing was written, so it is still owed: whoever owns the lane next finds it.
      if (!(error instanceof LaneDrained)) telemetry.emit('loop.failed', { loop: 'delivery', error: messageOf(error) });
      return 'forget';
    }
  };
}

/** Nothing of this try concerns the lane: another follows, in a turn of its own. */
function leaving(one: OneTry): OneTry {
  one.leaveLane();
  return { ...one, leaveLane: () => undefined };
}

/** Ends the quick retries; what the last try showed stands. */
const NO_MORE: Outcome = { kind: 'timeout', detail: 'no quick retry was made' };

/** The breaker opened while a quick retry waited: the try before it counts. A lane that is drained takes the whole attempt along. */
function unlessBroken(error: unknown, lane: Lane): null {
  if (error instanceof LaneDrained && lane.isShut) return null;
  throw error;
}

function stateAfter(verdict: Exclude<Verdict, { kind: 'released' }>, nowMs: number): SettledState {
  switch (verdict.kind) {
    case 'delivered':
      return { state: 'delivered', at: new Date(nowMs) };
    case 'dead':
      return { state: 'dead', at: new Date(nowMs), reason: verdict.reason };
    case 'retry':
      return { state: 'waiting', wakeAt: new Date(nowMs + verdict.delayMs) };
    default:
      return assertNever(verdict);
  }
}
