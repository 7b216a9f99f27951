/** The one target that `DOWNSTREAM_URL` registers: what both programs do with it at their start. */
import { DEFAULT_TARGET_ID } from './domain/ids.ts';
import { newSecret } from './domain/signing.ts';
import type { Config } from './runtime/config.ts';
import { scrubUris } from './runtime/errors.ts';
import type { Telemetry } from './runtime/telemetry.ts';
import type { Store } from './store/store.ts';
import { registerTarget } from './store/targets.ts';

/** Registers the target `default`, or brings it up to the configuration; does nothing when no URL is set. */
export async function registerDefaultTarget(store: Store, config: Config, telemetry: Telemetry): Promise<void> {
  const { downstreamUrl: url, downstreamSecret, ratePerSecond, targetConcurrency: concurrency, deliveryTimeoutMs: timeoutMs, retryScheduleMs, maxAttempts } = config;
  if (url === null) return;
  const target = await registerTarget(store, {
    id: DEFAULT_TARGET_ID,
    url,
    eventTypes: ['*'],
    secrets: downstreamSecret === null ? null : [downstreamSecret],
    freshSecret: newSecret(),
    limits: { ratePerSecond, concurrency },
    timeoutMs,
    retry: { scheduleMs: retryScheduleMs, maxAttempts },
  });
  telemetry.emit('target.registered', { targetId: target.id, url: withoutQuery(url) });
}

/** Receivers' keys often stand in the query. */
const withoutQuery = (url: string): string => scrubUris(url).replace(/[?#].*$/, '');
