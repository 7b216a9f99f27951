/** What the environment says of targets: the one that `DOWNSTREAM_URL` registers at the start of both programs, and defaults for the rest. */
import { createUrlRules } from './delivery/guard.ts';
import { DEFAULT_TARGET_ID } from './domain/ids.ts';
import { newSecret } from './domain/signing.ts';
import type { Target } from './domain/target.ts';
import { savedUrlFault } from './domain/target-url.ts';
import type { Config } from './runtime/config.ts';
import { FatalError, shownUrl } from './runtime/errors.ts';
import type { Telemetry } from './runtime/telemetry.ts';
import type { Store } from './store/store.ts';
import { registerTarget } from './store/targets.ts';

/** The most that a target may be given over the API. */
const LONGEST_TIMEOUT_MS = 60_000;

/** How targets are delivered to that say nothing else. */
export const deliveryDefaults = ({ ratePerSecond, targetConcurrency: concurrency, deliveryTimeoutMs, retryScheduleMs, maxAttempts }: Config): Pick<Target, 'limits' | 'timeoutMs' | 'retry'> => ({
  limits: { ratePerSecond, concurrency },
  timeoutMs: Math.min(deliveryTimeoutMs, LONGEST_TIMEOUT_MS),
  retry: { scheduleMs: retryScheduleMs, maxAttempts },
});

/**
 * Registers the target `default`, or brings it up to the configuration; does nothing when no URL is set.
 * @throws FatalError `invalid_config` when nothing could ever be sent to the URL
 */
export async function registerDefaultTarget(store: Store, config: Config, telemetry: Telemetry): Promise<void> {
  const { downstreamUrl: url, downstreamSecret, deliveryTimeoutMs: timeoutMs } = config;
  if (url === null) return;
  const fault = savedUrlFault(url, createUrlRules(config));
  if (fault !== null) throw new FatalError('invalid_config', `DOWNSTREAM_URL: ${fault}`);
  const target = await registerTarget(store, {
    id: DEFAULT_TARGET_ID,
    url,
    eventTypes: ['*'],
    secrets: downstreamSecret === null ? null : [downstreamSecret],
    freshSecret: newSecret(),
    ...deliveryDefaults(config),
    timeoutMs,
  });
  telemetry.emit('target.registered', { targetId: target.id, url: shownUrl(url) });
}
