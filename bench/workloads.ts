/**
 * The workloads, one row each: what is sent, by how many, and to what kind of target. A run is measured after a warm-up of
 * its own, since the first thousand events mostly measure the compiler.
 */
export interface Workload {
  readonly name: string;
  readonly summary: string;
  readonly events: number;
  /** Events sent and delivered before the clock starts. */
  readonly warmUpEvents: number;
  /** Each of them sends its next event once its last one is answered. */
  readonly senders: number;
  readonly bodyBytes: number;
  /** Settings of the server and the processor that make this workload; the rest is what everybody gets. */
  readonly environment: Readonly<Record<string, string>>;
}

/** For a change under test: one pair in half a minute, long enough for counts, too short for times. */
export const QUICK_EVENTS = 8_000;

export const WORKLOADS = {
  steady: {
    name: 'steady',
    summary: 'small JSON bodies to one target without limits',
    events: 60_000,
    warmUpEvents: 4_000,
    senders: 128,
    bodyBytes: 955,
    environment: { RATE_LIMIT_PER_SECOND: '0', TARGET_CONCURRENCY: '0' },
  },
} as const satisfies Readonly<Record<string, Workload>>;

export type WorkloadName = keyof typeof WORKLOADS;

export const WORKLOAD_NAMES = Object.keys(WORKLOADS) as readonly WorkloadName[];
