/** What every interleaving starts from: two targets, one of them given up on at the first failure, and what can be done to them. */
import { newSecret } from '../../src/domain/signing.ts';
import { attemptsAllowed } from '../../src/domain/backoff.ts';
import type { TargetId } from '../../src/domain/ids.ts';
import type { Target } from '../../src/domain/target.ts';
import { registerTarget } from '../../src/store/targets.ts';
import { DURABLE, type Store } from '../../src/store/store.ts';

export const PATIENT = 'tgt_patient' as TargetId;
export const HASTY = 'tgt_hasty' as TargetId;
export const MEMBERS = ['a', 'b', 'c'] as const;
export type Member = (typeof MEMBERS)[number];

/** Attempts in all; the delays between them are nothing, so a timer is due as soon as it is written. */
const ATTEMPTS: ReadonlyMap<TargetId, number> = new Map([[PATIENT, 3], [HASTY, 1]]);
const retryOf = (id: TargetId): Target['retry'] => ({ scheduleMs: [0], maxAttempts: ATTEMPTS.get(id) ?? 1 });

export const attemptsAllowedFor = (id: TargetId): number => attemptsAllowed(retryOf(id));

export async function registerTargets(store: Store): Promise<void> {
  for (const id of ATTEMPTS.keys()) {
    await registerTarget(store, { id, url: 'http://receiver/', eventTypes: ['*'], secrets: null, freshSecret: newSecret(), limits: { ratePerSecond: 0, concurrency: 0 }, timeoutMs: 5_000, retry: retryOf(id) });
  }
}

/** What is in the database by the end of an interleaving does not concern the next. */
export async function sweepClean({ events, deliveries, schedule, lanes, sessions, resumeTokens }: Store): Promise<void> {
  await Promise.all([events.deleteMany({}), deliveries.deleteMany({}), schedule.deleteMany({}), lanes.deleteMany({}), sessions.deleteMany({}), resumeTokens.deleteMany({}, { writeConcern: DURABLE })]);
}
