/** How many requests come in: of one address before anything is read, of one source once they are known to be its own. */
import type { Context } from 'hono';
import { createAddressOf } from '../http/client-address.ts';
import { createRates, type Rate } from '../http/rates.ts';
import type { Clock } from '../runtime/clock.ts';

export interface Edge {
  /** @throws Problem `rate_limited` */
  admitAddress(context: Context): void;
  /** @param rate the default source's when absent @throws Problem `rate_limited` */
  admitSource(name: string, rate?: Rate): void;
}

export interface EdgeOptions {
  readonly ratePerAddress: number;
  readonly ratePerSource: number;
  readonly trustedProxies: number;
}

/** Requests at once, in seconds of the rate: senders come in waves. */
const BURST_S = 2;

export function createEdge(clock: Clock, { ratePerAddress, ratePerSource, trustedProxies }: EdgeOptions): Edge {
  const addressOf = createAddressOf(trustedProxies);
  const [addresses, sources] = [createRates(clock, 'this address'), createRates(clock, 'this source')];
  const [ofAddress, ofDefault] = [ratePerAddress, ratePerSource].map((perSecond) => ({ perSecond, burst: BURST_S * perSecond })) as [Rate, Rate];
  return {
    admitAddress(context) {
      if (ratePerAddress > 0) addresses.take(addressOf(context), ofAddress);
    },
    admitSource: (name, rate = ofDefault) => sources.take(name, rate),
  };
}
