/**
 * Outcome → verdict: what an attempt showed decides what happens next. Pure: no clock, no randomness, no I/O of its own.
 *
 *   2xx                                   delivered
 *   408, 425, 429, 5xx, timeout, network  retry on the schedule; 429, 502, 504 and timeouts no sooner than 60 s
 *   429 or 503 with Retry-After           also holds the whole lane, never shorter than asked, at most 24 h
 *   410                                   dead, and the target is disabled (Standard Webhooks spec)
 *   3xx and other 4xx                     retry, dead after 4 attempts: a deploy slip heals, a typo does not
 *   blocked address or unusable URL       dead: trying again cannot help
 *   cut by our own shutdown               released: no attempt is used up
 */
import { assertNever } from './assert-never.ts';
import { isSuccess, type Outcome, type ReceiverOutcome } from './attempt.ts';
import { jittered, OVERLOAD_FLOOR_MS, retryAfterMs, scheduledDelayMs } from './backoff.ts';
import type { RetryPolicy } from './target.ts';

export const CLIENT_ERROR_MAX_ATTEMPTS = 4;

export type Verdict =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly delayMs: number; readonly holdLaneMs: number | null }
  | { readonly kind: 'dead'; readonly reason: string; readonly disableTarget: boolean; readonly holdLaneMs: number | null }
  | { readonly kind: 'released' };

export interface VerdictContext {
  readonly policy: RetryPolicy;
  /** Number of the attempt that just ended, from 1. */
  readonly number: number;
  /** Unix milliseconds, to read a Retry-After date against. */
  readonly nowMs: number;
  /** In [0, 1), for the jitter. */
  readonly random: number;
}

export function verdictOf(outcome: Outcome, context: VerdictContext): Verdict {
  switch (outcome.kind) {
    case 'cut':
      return { kind: 'released' };
    case 'blocked':
      return dead(`blocked: ${outcome.detail}`);
    case 'timeout':
      return retryOrDead(outcome, context, OVERLOAD_FLOOR_MS);
    case 'network':
      return retryOrDead(outcome, context, 0);
    case 'answered':
      return verdictOfAnswer(outcome, context);
    default:
      return assertNever(outcome);
  }
}

function verdictOfAnswer(outcome: Extract<Outcome, { kind: 'answered' }>, context: VerdictContext): Verdict {
  const { status } = outcome;
  if (isSuccess(outcome)) return { kind: 'delivered' };
  if (status === 410) return { ...dead('gone: the receiver answered 410'), disableTarget: true };
  if (status === 429 || status === 503) return withHold(retryOrDead(outcome, context, status === 429 ? OVERLOAD_FLOOR_MS : 0), outcome.retryAfter, context);
  if (status === 502 || status === 504) return retryOrDead(outcome, context, OVERLOAD_FLOOR_MS);
  if (status >= 500 || status === 408 || status === 425) return retryOrDead(outcome, context, 0);
  return context.number >= CLIENT_ERROR_MAX_ATTEMPTS ? dead(`refused: ${describe(outcome)}, ${context.number} attempts`) : retryOrDead(outcome, context, 0);
}

function retryOrDead(outcome: ReceiverOutcome, { policy, number, random }: VerdictContext, floorMs: number): Extract<Verdict, { kind: 'retry' | 'dead' }> {
  const delayMs = scheduledDelayMs(policy, number);
  if (delayMs === null) return dead(`exhausted: ${describe(outcome)}, ${number} attempts`);
  // The floor is for the standard schedule; whoever sets only short delays has asked for short delays.
  const floor = Math.max(...policy.scheduleMs) >= floorMs ? floorMs : 0;
  return { kind: 'retry', delayMs: Math.max(jittered(delayMs, random), floor), holdLaneMs: null };
}

function withHold(verdict: Extract<Verdict, { kind: 'retry' | 'dead' }>, retryAfter: string | null, { nowMs }: VerdictContext): Verdict {
  const holdLaneMs = retryAfterMs(retryAfter, nowMs);
  if (holdLaneMs === null) return verdict;
  if (verdict.kind === 'dead') return { ...verdict, holdLaneMs };
  return { ...verdict, holdLaneMs, delayMs: Math.max(verdict.delayMs, holdLaneMs) };
}

const dead = (reason: string): Extract<Verdict, { kind: 'dead' }> => ({ kind: 'dead', reason, disableTarget: false, holdLaneMs: null });

const describe = (outcome: ReceiverOutcome): string => (outcome.kind === 'answered' ? `status ${outcome.status}` : `${outcome.kind} (${outcome.detail})`);
