/**
 * The no-store ceiling: the server's own HTTP side and the processor's own sender in one process, with nothing but memory
 * between them. It promises nothing, and is as fast as these two parts can be: what the whole system loses against it is the
 * price of keeping events.
 */
import type { HookEvent } from '../src/domain/event.ts';
import { DEFAULT_TARGET_ID } from '../src/domain/ids.ts';
import { STANDARD_SCHEDULE_MS } from '../src/domain/backoff.ts';
import type { Target } from '../src/domain/target.ts';
import { Fifo } from '../src/delivery/fifo.ts';
import { createAddressGuard } from '../src/delivery/guard.ts';
import { attemptHeaders } from '../src/delivery/headers.ts';
import { createSender } from '../src/delivery/sender.ts';
import { createApp } from '../src/ingest/app.ts';
import type { EventWriter } from '../src/ingest/event-writer.ts';
import { createHttpServer } from '../src/ingest/http-server.ts';
import { createIngestRoute } from '../src/ingest/ingest-route.ts';
import { keysOf } from '../src/ingest/verify.ts';
import { systemClock as clock } from '../src/runtime/clock.ts';
import { loadConfig, type Config } from '../src/runtime/config.ts';
import { createTelemetry } from '../src/runtime/telemetry.ts';
import { answerCalls } from './calls.ts';

const config = loadConfig(process.env);

/** The one target that the whole system would have. */
const targetAt = (url: string, { downstreamSecret, deliveryTimeoutMs }: Config): Target => ({
  id: DEFAULT_TARGET_ID, url, eventTypes: ['*'], secrets: downstreamSecret === null ? [] : [downstreamSecret], limits: { ratePerSecond: 0, concurrency: 0 },
  timeoutMs: deliveryTimeoutMs, retry: { scheduleMs: STANDARD_SCHEDULE_MS, maxAttempts: null }, status: 'active', statusReason: null, version: 1,
});

/** Takes an event at once and sends it when one of the places in flight is free. A failed send is not repeated; it will be missed. */
function createPipe(target: Target): Pick<EventWriter, 'accept'> {
  const sender = createSender(clock, createAddressGuard(config.ssrfAllowCidrs));
  const queue = new Fifo<HookEvent>();
  let inFlight = 0;

  async function drain(): Promise<void> {
    inFlight += 1;
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
      const headers = attemptHeaders(target, { ...event, owed: 1 }, { number: 1, nowMs: clock.now() });
      await sender.send({ url: target.url, headers, body: event.body, timeoutMs: target.timeoutMs });
    }
    inFlight -= 1;
  }

  return {
    accept(event) {
      queue.push(event);
      if (inFlight < config.globalConcurrency) void drain();
      return Promise.resolve({ id: event.id, status: 'RECEIVED', duplicate: false });
    },
  };
}

async function listen({ downstreamUrl }: { readonly downstreamUrl: string }): Promise<string> {
  const telemetry = createTelemetry();
  const target = targetAt(downstreamUrl, config);
  const ingest = createIngestRoute({ clock, telemetry, writer: createPipe(target), targets: () => [target], keys: keysOf(config.ingestSecrets), maxBodyBytes: config.maxBodyBytes });
  const app = createApp({ telemetry, readiness: { check: () => Promise.resolve() }, ingest, event: () => Promise.reject(new Error('Nothing is stored')), adminToken: null });
  const http = createHttpServer(app, clock, { host: config.host, port: 0, graceMs: 0 });
  await http.start();
  return http.url;
}

answerCalls({ listen });
