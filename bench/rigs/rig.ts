/** What a run measures, seen from outside: the whole system, its ceiling, or a peer. */
import type { TargetLimits } from '../../src/domain/target.ts';
import type { DatabaseCounts } from '../figures/database-counts.ts';
import type { Endings } from '../lab/endings.ts';
import type { Pids } from '../lab/processes.ts';

export interface Rig {
  /** Where events are taken in. */
  readonly url: string;
  /** Of all its processes, by name. */
  readonly pids: Pids;
  /** Resolves once nothing of what was sent is left to do. */
  settle(): Promise<void>;
  /** Begins counting. */
  startCounts(): Promise<void>;
  /** What was counted, for each of so many events; null when there is nothing to count. */
  stopCounts(events: number): Promise<DatabaseCounts | null>;
  /** @throws Error unless exactly these events are stored, each with its delivery */
  proveStored(ids: ReadonlySet<string>): Promise<void>;
}

/** A target of the sink: `/hook/<number>`, which is owed the events of that type. */
export interface BenchTarget {
  readonly number: number;
  readonly limits: TargetLimits;
  readonly retryScheduleMs: readonly number[];
  /** Null: one more than the schedule is long. */
  readonly maxAttempts: number | null;
  readonly timeoutMs: number;
}

export const NO_LIMITS: TargetLimits = { ratePerSecond: 0, concurrency: 0 };

/** Retries within seconds, so that no run waits for minutes. */
export const SHORT_RETRIES_MS: readonly number[] = [1_000, 2_000, 4_000, 8_000, 8_000, 8_000];

export const targetsOf = (count: number, limits: TargetLimits = NO_LIMITS): readonly BenchTarget[] =>
  Array.from({ length: count }, (_, number) => ({ number, limits, retryScheduleMs: SHORT_RETRIES_MS, maxAttempts: null, timeoutMs: 15_000 }));

/** The types of the events that these targets are owed: all of them. */
export const typesFor = (targets: readonly BenchTarget[]): readonly number[] => targets.map(({ number }) => number);

/** What makes this run differ from what everybody gets. */
export interface RigSetup {
  readonly targets: readonly BenchTarget[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly mongoArgs?: readonly string[];
}

/** The one that peers can run as well: one target without limits. */
export const PLAIN_SETUP: RigSetup = { targets: targetsOf(1) };

export interface RigOptions extends RigSetup {
  /** Of the sink, without the number. */
  readonly downstreamUrl: string;
  readonly profileDir: string | null;
  readonly endings: Endings;
  readonly signal: AbortSignal;
}

export type RigBuilder<R extends Rig = Rig> = (options: RigOptions) => Promise<R>;

export const INGEST_SECRET = 'bench-ingest-secret';
/** One for all sides: signing costs them the same. */
export const DOWNSTREAM_SECRET = `whsec_${Buffer.alloc(32, 'bench').toString('base64')}`;

/** The settings that all sides share. */
export const commonEnvironment = ({ environment = {} }: RigOptions): Readonly<Record<string, string>> => ({
  PORT: '0', INGEST_RATE_PER_ADDRESS: '1000000', INGEST_SECRET, DOWNSTREAM_SECRET, SSRF_ALLOW_CIDRS: '127.0.0.0/8', LOG_FORMAT: 'json', ...environment,
});
