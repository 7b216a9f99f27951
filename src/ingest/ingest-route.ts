/**
 * `POST /api/v1/webhooks/ingest`: the steps of taking an event in, cheapest and most telling first: size, header form, time
 * window, signature, JSON, shape, and only then the database.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { newEventId } from '../domain/ids.ts';
import type { HookEvent } from '../domain/event.ts';
import { resolveTargets, type Target } from '../domain/target.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { readBody, refuseAnnouncedLength } from './body.ts';
import { readEventType } from './event-body.ts';
import type { Accepted, EventWriter } from './event-writer.ts';
import { Problem } from './problem.ts';
import { readSignedHeaders, type SignedHeaders } from './signed-headers.ts';
import { checkSignature, checkTimestamp } from './verify.ts';

export interface IngestDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly writer: Pick<EventWriter, 'accept'>;
  readonly targets: () => readonly Target[];
  /** Of the secrets that may sign. */
  readonly keys: readonly Uint8Array[];
  readonly maxBodyBytes: number;
}

const DEFAULT_SOURCE = 'default';
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

export function createIngestRoute({ clock, telemetry, writer, targets, keys, maxBodyBytes }: IngestDeps): (context: Context) => Promise<Response> {
  /** Everything before the body is read. */
  function checkHeaders(context: Context): SignedHeaders {
    refuseAnnouncedLength(context.req.header('content-length'), maxBodyBytes);
    refuseContent(context.req.header('content-type'), context.req.header('content-encoding'));
    const headers = readSignedHeaders((name) => context.req.header(name));
    checkTimestamp(headers, clock.now());
    return headers;
  }

  function toEvent(body: Uint8Array, headers: SignedHeaders, contentType: string): HookEvent {
    const type = readEventType(body);
    const nowMs = clock.now();
    return {
      id: newEventId(nowMs),
      source: DEFAULT_SOURCE,
      idempotencyKey: headers.idempotencyKey,
      fingerprint: createHash('sha256').update(body).digest('hex'),
      type,
      targetIds: resolveTargets(targets(), type),
      body,
      contentType,
      receivedAt: new Date(nowMs),
    };
  }

  return async (context) => {
    const headers = checkHeaders(context);
    const body = await readBody(context.req.raw, context.req.header('content-length'), maxBodyBytes);
    checkSignature(headers, body, keys);
    const event = toEvent(body, headers, context.req.header('content-type') ?? 'application/json');
    const accepted = await writer.accept(event);
    telemetry.emit('event.accepted', { eventId: accepted.id, type: event.type, duplicate: accepted.duplicate });
    return answer(accepted);
  };
}

function refuseContent(type: string | undefined, encoding: string | undefined): void {
  if (type === undefined || !JSON_TYPE.test(type)) throw new Problem('unsupported_media_type', `Expected Content-Type application/json, got ${type === undefined ? 'none' : JSON.stringify(type.slice(0, 80))}`);
  if (encoding !== undefined && encoding !== 'identity') throw new Problem('unsupported_encoding', `Expected a body without Content-Encoding, got ${JSON.stringify(encoding.slice(0, 40))}`);
}

function answer({ id, status, duplicate }: Accepted): Response {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (duplicate) headers['idempotency-replayed'] = 'true';
  return new Response(JSON.stringify({ id, status, duplicate }), { status: 202, headers });
}
