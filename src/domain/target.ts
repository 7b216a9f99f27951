/**
 * A target: where events go. Peers say endpoint or destination. `limits` hold for the whole fleet, since one lane, owned by
 * one processor, is the only place that sends to it.
 */
import type { TargetId } from './ids.ts';

export interface TargetLimits {
  /** Starts of attempts per second; 0 means no limit. May be a fraction. */
  readonly ratePerSecond: number;
  /** Attempts in flight at once; 0 means no limit of its own (the global one still holds). */
  readonly concurrency: number;
}

export interface RetryPolicy {
  /** Delays before the second, third, … attempt, in milliseconds. The last one repeats when `maxAttempts` asks for more. */
  readonly scheduleMs: readonly number[];
  /** Attempts in all, the first one included; null: one more than the schedule is long. */
  readonly maxAttempts: number | null;
}

export type TargetStatus = 'active' | 'paused' | 'disabled';

export interface Target {
  readonly id: TargetId;
  readonly url: string;
  /** Patterns: `*`, an exact type, or a prefix such as `order.*`. */
  readonly eventTypes: readonly string[];
  /** Signing secrets (`whsec_…`), newest first; every one of them signs. */
  readonly secrets: readonly string[];
  readonly limits: TargetLimits;
  /** Deadline of one attempt over DNS, connect, TLS, headers and body. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly status: TargetStatus;
  readonly statusReason: string | null;
  readonly version: number;
}

/** Whether a target's patterns want an event of this type. A type of null matches only `*`. */
export const wantsType = (target: Target, type: string | null): boolean => target.eventTypes.some((pattern) => matchesType(pattern, type));

function matchesType(pattern: string, type: string | null): boolean {
  if (pattern === '*') return type === null || !type.startsWith('hooktail.'); // Events about the system itself are asked for by name.
  if (type === null) return false;
  return pattern.endsWith('.*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type;
}

/** The targets an event of this type is owed to. One that is paused or disabled is owed it as well: its backlog is kept. */
export function resolveTargets(targets: readonly Target[], type: string | null): readonly TargetId[] {
  return targets.filter((target) => wantsType(target, type)).map(({ id }) => id);
}
