/**
 * What a receiver got more than once. A duplicate is a request for a delivery that had been answered 2xx before it came, or one
 * that repeats the number of an earlier attempt, or goes behind it. Quick retries carry the number of their attempt, and follow
 * a connection that the receiver itself cut off: those are none. Pure.
 */
import { isSuccess, type Received } from './ledger.ts';

/** Of one delivery, in the order of their arrival. */
export function duplicatesAmong(requests: readonly Received[]): readonly Received[] {
  return requests.filter((request, index) => repeats(request, requests.slice(0, index)));
}

const repeats = (request: Received, earlier: readonly Received[]): boolean =>
  earlier.some((before) => isDelivered(before, request.atMs) || (before.attempt === request.attempt ? before.answer !== 'reset' : before.attempt > request.attempt));

const isDelivered = ({ answer, answeredAtMs }: Received, atMs: number): boolean => isSuccess(answer) && answeredAtMs !== null && answeredAtMs <= atMs;
