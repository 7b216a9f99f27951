/**
 * One HTTP try of a delivery. What the try showed is an `Outcome`: plain data, never an exception, because a receiver's
 * behaviour is no fault of ours. The record of it is kept on the delivery.
 */

/** Why no usable answer came. The word is stored and shown; `detail` is for the operator. */
export type NetworkFault = 'dns' | 'refused' | 'reset' | 'connect_timeout' | 'tls' | 'bad_response' | 'other';

export type Outcome =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: string | null; readonly excerpt: string; readonly note?: string }
  | { readonly kind: 'timeout'; readonly detail: string }
  | { readonly kind: 'network'; readonly fault: NetworkFault; readonly detail: string }
  /** Refused by our own guard before any byte was sent: a private address, a forbidden scheme, a URL that is none. */
  | { readonly kind: 'blocked'; readonly detail: string }
  /** We cut it ourselves, on shutdown. It says nothing about the receiver and uses up no attempt. */
  | { readonly kind: 'cut' };

/** An outcome that is worth a record: all but the ones we caused ourselves. */
export type ReceiverOutcome = Exclude<Outcome, { kind: 'cut' }>;

export interface Attempt {
  /** From 1. Quick retries repeat the number of the attempt they belong to. */
  readonly number: number;
  /** 0 for the attempt itself, 1 and 2 for its quick retries. */
  readonly quickRetry: number;
  readonly at: Date;
  readonly durationMs: number;
  readonly outcome: ReceiverOutcome['kind'];
  readonly status: number | null;
  readonly error: string | null;
  readonly responseExcerpt: string | null;
}

/** How many attempts a delivery document keeps; older ones fall off. */
export const ATTEMPTS_KEPT = 20;

export const isSuccess = (outcome: Outcome): boolean => outcome.kind === 'answered' && outcome.status >= 200 && outcome.status < 300;

/**
 * Whether not one byte of a response came, so that a repeat at once is worth while: the usual causes are an idle socket
 * closed under us, a receiver restarting, a resolver's hiccup.
 */
export function isQuicklyRetryable(outcome: Outcome): boolean {
  if (outcome.kind !== 'network') return false;
  return outcome.fault === 'refused' || outcome.fault === 'reset' || outcome.fault === 'dns' || outcome.fault === 'connect_timeout';
}

/** One stable word for what came of it, without the details that are the operator's alone. */
export const wordOf = (outcome: Outcome): string => (outcome.kind === 'answered' ? `status ${outcome.status}` : outcome.kind === 'network' ? outcome.fault : outcome.kind);

export interface AttemptTiming {
  readonly number: number;
  readonly quickRetry: number;
  readonly at: Date;
  readonly durationMs: number;
}

/** The record of one try, as it is stored. */
export function recordAttempt({ number, quickRetry, at, durationMs }: AttemptTiming, outcome: ReceiverOutcome): Attempt {
  const answered = outcome.kind === 'answered';
  return {
    number, quickRetry, at, durationMs,
    outcome: outcome.kind,
    status: answered ? outcome.status : null,
    error: answered ? (outcome.note ?? null) : errorText(outcome),
    responseExcerpt: answered && outcome.excerpt !== '' ? outcome.excerpt : null,
  };
}

function errorText(outcome: Exclude<ReceiverOutcome, { kind: 'answered' }>): string {
  return outcome.kind === 'network' ? `${outcome.fault}: ${outcome.detail}` : `${outcome.kind}: ${outcome.detail}`;
}
