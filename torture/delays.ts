/** How long deliveries took from their acknowledgement to their first request, by the ledgers as they are so far. */
import { spreadOf, type Spread } from '../tools/cli/percentiles.ts';
import { now } from './ledger.ts';
import type { Stage } from './scenario.ts';

export interface Delays extends Spread {
  /** Deliveries that were looked at. */
  readonly count: number;
}

/**
 * Of events that were acknowledged from then to then, each owed to one target only. What has not come has taken until now;
 * what came before its acknowledgement took no time. @throws Error when there are none
 */
export function delaysOf({ offers, fleet }: Stage, isMeant: (type: string) => boolean, [fromMs, toMs]: readonly [number, number]): Delays {
  const accepted = new Map(offers.flatMap((offer) => (offer.accepted !== null && isMeant(offer.type) ? [[offer.accepted.id, offer.accepted.atMs] as const] : [])));
  const came = new Map<string, number>();
  for (const { eventId, atMs } of fleet.receiver.received) if (!came.has(eventId)) came.set(eventId, atMs);
  const delays = [...accepted].filter(([, atMs]) => atMs >= fromMs && atMs < toMs).map(([id, atMs]) => Math.max(0, (came.get(id) ?? now()) - atMs));
  const spread = spreadOf(delays);
  if (spread === null) throw new Error('Expected deliveries to measure, got none');
  return { ...spread, count: delays.length };
}

export const delayWords = ({ count, p50, p99, max }: Delays): string => `p50 ${p50.toFixed(0)}, p99 ${p99.toFixed(0)}, most ${max.toFixed(0)} ms over ${count}`;
