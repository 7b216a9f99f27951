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
import { retryQuickly } from './quick-retry.ts';
import type { Sender } from './sender.ts';
import type { SettleResult } from './settle.ts';

export interface CourierDeps {
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly sender: Sender;
  readonly settler: Batcher<Settlement, SettleResult>;
  readonly marker: Marker;
  readonly targetOf: (job: DeliveryJob) => Target | null;
  /** Writes down that the whole lane is held. */
  readonly persistHold: (target: Target, holdMs: number) => Promise<void>;
  readonly disable: (target: Target, reason: string) => Promise<void>;
}

/** What one run of tries came to. */
interface Tries {
  readonly target: Target;
  readonly outcome: Outcome;
  readonly attempts: readonly Attempt[];
  readonly giveSlotBack: () => void;
}

export type Deliver = (job: DeliveryJob, lane: Lane) => Promise<'forget' | 'marking'>;

export function createCourier(deps: CourierDeps): Deliver {
  const { clock, serverClock, random, telemetry, sender, settler, marker, targetOf, persistHold, disable } = deps;

  /** One try in its own turn. The slot is kept: what has been answered but not written down still counts. */
  async function tryOnce(job: DeliveryJob, lane: Lane, quickRetry: number, usedMs: number): Promise<Tries & { readonly durationMs: number }> {
    const turn = await lane.takeTurn(quickRetry > 0);
    const target = targetOf(job);
    if (target === null) {
      turn.leaveLane();
      turn.giveSlotBack();
      throw new Error(`Expected target ${job.claim.targetId} of an owned lane, got none`);
    }
    const number = job.claim.attemptCount + 1;
    const at = new Date(serverClock.now());
    const startedAtMs = clock.monotonic();
    telemetry.emit('attempt.started', { deliveryId: job.claim.id, targetId: target.id, number, atMs: startedAtMs });
    const headers = attemptHeaders(target, job.content, { number, nowMs: at.getTime() });
    const outcome = await sender.send({ url: target.url, headers, body: job.content.body, timeoutMs: Math.max(1, target.timeoutMs - usedMs) });
    turn.leaveLane();
    const durationMs = Math.round(clock.monotonic() - startedAtMs);
    const attempts = outcome.kind === 'cut' ? [] : [recordAttempt({ number, quickRetry, at, durationMs }, outcome)];
    for (const { outcome: kind, status, error } of attempts) telemetry.emit('delivery.attempted', { deliveryId: job.claim.id, targetId: target.id, number, outcome: kind, status, error, durationMs });
    return { target, outcome, attempts, giveSlotBack: turn.giveSlotBack, durationMs };
  }

  /** The attempt with its quick retries, all under one deadline. */
  async function attempt(job: DeliveryJob, lane: Lane): Promise<Tries> {
    let last: Tries & { readonly durationMs: number } = await tryOnce(job, lane, 0, 0);
    if (!isQuicklyRetryable(last.outcome)) return last;
    let usedMs = last.durationMs;
    const all = [...last.attempts];
    const again = async (quickRetry: number): Promise<Outcome> => {
      if (usedMs >= last.target.timeoutMs) return { kind: 'timeout', detail: 'no time was left for a quick retry' };
      last.giveSlotBack();
      last = await tryOnce(job, lane, quickRetry, usedMs);
      usedMs += last.durationMs;
      all.push(...last.attempts);
      return last.outcome;
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
    const { id, eventId, attemptCount } = job.claim;
    const state = kind === 'delivered' ? 'delivered' : kind === 'dead' ? 'dead' : 'waiting';
    // After a late result the database alone knows how far the delivery has come.
    const progress = result === 'late' ? null : ({ state, attemptCount: attemptCount + 1 } as const);
    const note = { eventId, targetIds: job.content.targetIds, progress };
    marker.note(state === 'waiting' ? note : { ...note, onMarked: () => lane.forget(id) });
    return state === 'waiting' ? 'forget' : 'marking';
  }

  /** At once and in memory, before anything is written: no further start slips through. */
  function holdNow(lane: Lane, target: Target, holdMs: number): void {
    telemetry.emit('lane.held', { targetId: target.id, holdMs });
    lane.hold(holdMs);
  }

  /** What the verdict means for the target, once the result itself is safe. */
  async function writeConsequences(target: Target, verdict: Exclude<Verdict, { kind: 'released' | 'delivered' }>): Promise<void> {
    if (verdict.holdLaneMs !== null) await persistHold(target, verdict.holdLaneMs);
    if (verdict.kind === 'dead' && verdict.disableTarget) {
      telemetry.emit('target.disabled', { targetId: target.id, reason: verdict.reason });
      await disable(target, verdict.reason);
    }
  }

  async function see(job: DeliveryJob, lane: Lane): Promise<'forget' | 'marking'> {
    const tries = await attempt(job, lane);
    try {
      const number = job.claim.attemptCount + 1;
      const verdict = verdictOf(tries.outcome, { policy: tries.target.retry, number, nowMs: serverClock.now(), random: random() });
      if (verdict.kind === 'released') return 'forget';
      if (verdict.kind !== 'delivered' && verdict.holdLaneMs !== null) holdNow(lane, tries.target, verdict.holdLaneMs);
      const result = await settle(job, tries, verdict);
      if (verdict.kind !== 'delivered') await writeConsequences(tries.target, verdict);
      return mark(job, lane, verdict, result);
    } finally {
      tries.giveSlotBack();
    }
  }

  return async (job, lane) => {
    try {
      return await see(job, lane);
    } catch (error) {
      // Nothing was written, so it is still owed: whoever owns the lane next finds it.
      if (!(error instanceof LaneDrained)) telemetry.emit('loop.failed', { loop: 'delivery', error: messageOf(error) });
      return 'forget';
    }
  };
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
