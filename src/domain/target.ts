/**
 * A target: where events go. Peers say endpoint or destination. `limits` hold for the whole fleet, since one lane, owned by
 * one processor, is the only place that sends to it.
 *
 *   active ⇄ paused (by a person)      active, paused → disabled (it answered 410) → active
 *   any → deleted                      no event is owed to it any more; what it was owed ends as dead, and then it is gone
 */
import type { PayloadFilter } from './filter.ts';
import type { TargetId } from './ids.ts';
import type { SigningSecret } from './signing-secret.ts';
import { wantedBy } from './type-pattern.ts';

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

export const TARGET_STATUSES = ['active', 'paused', 'disabled', 'deleted'] as const;
export type TargetStatus = (typeof TARGET_STATUSES)[number];

export interface Target {
  readonly id: TargetId;
  readonly url: string;
  /** Patterns over event types (type-pattern.ts). */
  readonly eventTypes: readonly string[];
  /** What an event's body must be like besides; null: anything. */
  readonly filter: PayloadFilter | null;
  /** Newest first; each that is live signs. Plain, in memory only. */
  readonly secrets: readonly SigningSecret[];
  readonly limits: TargetLimits;
  /** Deadline of one attempt over DNS, connect, TLS, headers and body. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** Sent with every attempt, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly description: string | null;
  /** The owner's own words about it. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: TargetStatus;
  readonly statusReason: string | null;
  readonly version: number;
  /** Null: from before that was written down. */
  readonly createdAt: Date | null;
}

/** What a target has when nobody said anything of it. */
export const TARGET_DEFAULTS = { filter: null, headers: {}, description: null, metadata: {} } as const satisfies Partial<Target>;

/** Why deliveries of a deleted target ended. */
export const DELETED_REASON = 'target deleted';

/** Whether a target wants an event of this type, whatever is in it. A type of null matches only `*`. */
export const wantsType = ({ eventTypes }: Pick<Target, 'eventTypes'>, type: string | null): boolean => wantedBy(eventTypes, type);

/**
 * The targets that want events of this type, as far as types go: a filter may say no to one of them. One that is paused or
 * disabled is owed it as well, and its backlog is kept; one that is deleted is owed nothing more.
 */
export const targetsOfType = (targets: readonly Target[], type: string | null): readonly Target[] => targets.filter((target) => target.status !== 'deleted' && wantsType(target, type));
