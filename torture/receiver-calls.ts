/** What is said between the receiver's process and the one that started it. Numbered, since an answer may come after later records. */
import type { Answer, Arrival } from './ledger.ts';
import type { TargetPlan } from './targets.ts';

export type Command =
  | { readonly kind: 'open'; readonly port: number; readonly seed: number; readonly targets: readonly TargetPlan[] }
  /** The port is closed, what is under way is cut off; further commands work as before. */
  | { readonly kind: 'close' }
  | { readonly kind: 'reopen' }
  /** Every answer is held back by so much more. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** From now on these targets never answer, and all others do. */
  | { readonly kind: 'hang'; readonly targetIds: readonly string[] }
  /** All records so far have been told before this is answered. */
  | { readonly kind: 'flush' };

export interface Numbered {
  readonly call: number;
  readonly command: Command;
}

export interface Outcome {
  readonly seq: number;
  readonly answer: Exclude<Answer, null>;
  readonly atMs: number;
}

export type Told =
  | { readonly kind: 'records'; readonly arrivals: readonly Arrival[]; readonly outcomes: readonly Outcome[] }
  | { readonly kind: 'done'; readonly call: number; readonly error: string | null };
