/** What a run measures, seen from outside: the whole system, or its ceiling. */
import type { DatabaseCounts } from './database-counts.ts';
import type { Endings } from './endings.ts';
import type { Pids } from './processes.ts';
import type { Workload } from './workloads.ts';

export interface Rig {
  /** Where events are taken in. */
  readonly url: string;
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

export interface RigOptions {
  readonly workload: Workload;
  /** Of the sink. */
  readonly downstreamUrl: string;
  readonly profileDir: string | null;
  readonly endings: Endings;
  readonly signal: AbortSignal;
}

export type RigBuilder = (options: RigOptions) => Promise<Rig>;

export const INGEST_SECRET = 'bench-ingest-secret';

/** The settings that both sides of a pair share. */
export const commonEnvironment = ({ workload, downstreamUrl }: RigOptions): Readonly<Record<string, string>> => ({
  PORT: '0', INGEST_SECRET, DOWNSTREAM_URL: downstreamUrl, DOWNSTREAM_SECRET: `whsec_${Buffer.alloc(32, 'bench').toString('base64')}`,
  SSRF_ALLOW_CIDRS: '127.0.0.0/8', LOG_FORMAT: 'json', ...workload.environment,
});
