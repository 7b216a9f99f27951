/**
 * Faults on request: which of the requests a sink answers well, and what happens to the others. One number is drawn for each
 * request, and the percentages divide the scale between them, so all of them are shares of all requests.
 */
import type { Random } from '../../src/runtime/random.ts';
import { answer, type Behaviour, type SinkAnswer } from './answer.ts';

export type FailRule =
  | { readonly kind: 'share'; readonly status: number; readonly percent: number }
  /** The first requests of each `webhook-id`. */
  | { readonly kind: 'first'; readonly status: number; readonly count: number };

export interface FaultPlan {
  /** What all the others are answered. */
  readonly status: number;
  readonly failures: readonly FailRule[];
  readonly hangPercent: number;
  readonly resetPercent: number;
  readonly delayMs: number;
  /** Sent with every status from 400 on. */
  readonly retryAfterSeconds: number | null;
}

export const NO_FAULTS: FaultPlan = { status: 200, failures: [], hangPercent: 0, resetPercent: 0, delayMs: 0, retryAfterSeconds: null };

export function createBehaviour(plan: FaultPlan, random: Random): Behaviour {
  const shares = sharesOf(plan);
  const respond = (status: number): SinkAnswer => {
    const headers = status >= 400 && plan.retryAfterSeconds !== null ? { 'retry-after': String(plan.retryAfterSeconds) } : {};
    return answer(status, { delayMs: plan.delayMs, headers });
  };
  return (request) => {
    const first = plan.failures.find((rule) => rule.kind === 'first' && request.id !== null && request.seen <= rule.count);
    if (first !== undefined) return respond(first.status);
    const fault = pick(shares, random() * 100) ?? plan.status;
    return typeof fault === 'number' ? respond(fault) : { kind: fault };
  };
}

/** How much of all requests the plan makes fail by chance; more than 100 cannot be meant. */
export const totalPercent = (plan: FaultPlan): number => sharesOf(plan).reduce((total, { percent }) => total + percent, 0);

interface Share {
  readonly percent: number;
  /** A status, or no answer at all. */
  readonly fault: number | 'hang' | 'reset';
}

function sharesOf({ hangPercent, resetPercent, failures }: FaultPlan): readonly Share[] {
  const failing = failures.flatMap((rule) => (rule.kind === 'share' ? [{ percent: rule.percent, fault: rule.status }] : []));
  return [{ percent: hangPercent, fault: 'hang' }, { percent: resetPercent, fault: 'reset' }, ...failing];
}

/** The share that the drawn number falls into; null beyond all of them. */
function pick(shares: readonly Share[], drawn: number): Share['fault'] | null {
  let end = 0;
  for (const { percent, fault } of shares) {
    end += percent;
    if (drawn < end) return fault;
  }
  return null;
}
