/**
 * What a workload is: a named arrangement, run in one or more variants, whose figures are compared pair by pair. To add one, write
 * a file beside this one that exports a `Workload`, and name it in `bench/workloads.ts`.
 */
import type { RatioOrder } from '../figures/compare.ts';
import type { RunResult } from '../figures/result.ts';
import type { LabContext } from '../lab/lab.ts';

export interface Conditions extends LabContext {
  /** Small numbers: enough for counts, too few for times. */
  readonly quick: boolean;
  /** What was asked for instead of the workload's own numbers. */
  readonly senders: number | null;
  readonly events: number | null;
  readonly seconds: number | null;
  /** Events a second, instead of a share of what the system can do. */
  readonly rate: number | null;
  /** A line about what is happening. */
  readonly progress: (text: string) => void;
}

export interface Variant {
  readonly name: string;
  /** Null when it can run here; else what is missing. */
  readonly missing?: () => Promise<string | null>;
  run(conditions: Conditions): Promise<RunResult>;
}

export interface Workload {
  /** As the reference counts them, W1 to W13. */
  readonly code: string;
  readonly name: string;
  readonly summary: string;
  /** In the order in which the runs of a pair are made, and made backwards in every second pair. */
  readonly variants: readonly Variant[];
  readonly ratios: readonly RatioOrder[];
  /** Pairs unless asked otherwise. */
  readonly pairs: number;
}

/** Of so many senders each sends its next event once its last one is answered. */
export const SENDERS = 128;

/** The usual number, or the one for a quick run, or what was asked for. */
export const countOf = ({ quick, events }: Conditions, usual: number, quickly: number): number => events ?? (quick ? quickly : usual);
export const secondsOf = ({ quick, seconds }: Conditions, usual: number, quickly: number): number => seconds ?? (quick ? quickly : usual);
