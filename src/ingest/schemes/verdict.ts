/**
 * What checking a signature comes to. The reason of a refusal is for the operator: who has no secret is to learn nothing, not even
 * which scheme a source has.
 */
import type { HeaderReader } from '../signed-headers.ts';

export interface Signed {
  readonly kind: 'signed';
  /** Unix milliseconds that were signed; null when the scheme tells none. */
  readonly timestampMs: number | null;
  /** The key that was signed; null when the scheme signs none. */
  readonly idempotencyKey: string | null;
}

/** `reason` is for the operator's log only. */
export type SchemeVerdict = Signed | { readonly kind: 'unsigned'; readonly reason: string };

export type Verify = (header: HeaderReader, body: Uint8Array) => SchemeVerdict;

export const unsigned = (reason: string): SchemeVerdict => ({ kind: 'unsigned', reason });
