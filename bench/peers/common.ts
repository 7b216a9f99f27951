/**
 * What the ceiling and every peer share with the whole system, so that a comparison is about what lies between: the server's own
 * HTTP side with its checks, and the processor's own sender with its signature.
 */
import { STANDARD_SCHEDULE_MS } from '../../src/domain/backoff.ts';
import type { EventContent, HookEvent, IncomingEvent } from '../../src/domain/event.ts';
import { bareSecretId, DEFAULT_TARGET_ID, type EventId } from '../../src/domain/ids.ts';
import { createRouting } from '../../src/domain/routing.ts';
import { bareSecret } from '../../src/domain/signing-secret.ts';
import { TARGET_DEFAULTS, type Target } from '../../src/domain/target.ts';
import { createAddressGuard } from '../../src/delivery/guard.ts';
import { attemptHeaders } from '../../src/delivery/headers.ts';
import { createSender } from '../../src/delivery/sender.ts';
import { createApp } from '../../src/http/app.ts';
import { createEdge } from '../../src/ingest/edge.ts';
import { createEventMaker } from '../../src/ingest/event-maker.ts';
import { createHttpServer } from '../../src/http/http-server.ts';
import { createIngestRoute } from '../../src/ingest/ingest-route.ts';
import { keysOf } from '../../src/ingest/verify.ts';
import { systemClock as clock } from '../../src/runtime/clock.ts';
import { loadConfig } from '../../src/runtime/config.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { INGEST_PATH } from '../../tools/send/api.ts';

const config = loadConfig(process.env);

/** Attempts in flight at once: as many as a processor may have. */
export const CONCURRENCY = config.globalConcurrency;

/** The one target that the whole system would have. */
const targetAt = (url: string): Target => ({
  id: DEFAULT_TARGET_ID, url, eventTypes: ['*'], secrets: config.downstreamSecret === null ? [] : [bareSecret(config.downstreamSecret, bareSecretId(0))], limits: { ratePerSecond: 0, concurrency: 0 },
  timeoutMs: config.deliveryTimeoutMs, retry: { scheduleMs: STANDARD_SCHEDULE_MS, maxAttempts: null }, status: 'active', statusReason: null, version: 1, createdAt: null, ...TARGET_DEFAULTS,
});

/** Sends one event once. @throws Error when it was not answered 2xx: then it is the queue's affair to try again */
export type Deliver = (content: EventContent) => Promise<void>;

export function createDeliver(downstreamUrl: string): Deliver {
  const target = targetAt(downstreamUrl);
  const sender = createSender(clock, createAddressGuard(config.ssrfAllowCidrs));
  return async (content) => {
    const headers = attemptHeaders(target, content, { number: 1, nowMs: clock.now() });
    const outcome = await sender.send({ url: target.url, headers, body: content.body, timeoutMs: target.timeoutMs });
    if (outcome.kind !== 'answered' || outcome.status >= 300) throw new Error(`Expected a 2xx, got ${outcome.kind}`);
  };
}

/** Listens, and answers 202 for each event once `accept` has resolved. */
export async function serveIngest(downstreamUrl: string, accept: (event: HookEvent) => Promise<void>): Promise<string> {
  const telemetry = createTelemetry();
  const routesOf = createRouting([targetAt(downstreamUrl)]);
  const writer = {
    async accept(event: IncomingEvent) {
      await accept({ ...event, targetIds: routesOf(event) });
      return { id: event.id, status: 'RECEIVED', duplicate: false } as const;
    },
  };
  const edge = createEdge(clock, { ratePerAddress: config.ingestRatePerAddress, ratePerSource: config.ingestRatePerSource, trustedProxies: config.trustProxy });
  const ingest = createIngestRoute({ clock, telemetry, edge, writer, makeEvent: createEventMaker(clock), keys: keysOf(config.ingestSecrets), maxBodyBytes: config.maxBodyBytes });
  const app = createApp({ telemetry, readiness: { check: () => Promise.resolve() }, groups: [{ routes: [{ method: 'POST', path: INGEST_PATH, operation: { summary: 'Take in one event', tag: 'ingest', scope: null, answers: {} }, handler: ingest }] }] });
  const http = createHttpServer(app, clock, { host: config.host, port: 0, graceMs: 0 });
  await http.start();
  return http.url;
}

/** An event as a queue of JSON jobs keeps it. Bodies are UTF-8 here, so a text loses nothing. */
export interface Job {
  readonly id: EventId;
  readonly type: string | null;
  readonly contentType: string;
  readonly body: string;
}

export const jobOf = ({ id, type, contentType, body }: HookEvent): Job => ({ id, type, contentType, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8') });

export const contentOf = ({ id, type, contentType, body }: Job): EventContent => ({ id, type, contentType, body: Buffer.from(body), targetIds: [DEFAULT_TARGET_ID] });

/** A setting that whoever started us must have given. */
export function requireEnvironment(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`Expected ${name} in the environment, got nothing`);
  return value;
}
