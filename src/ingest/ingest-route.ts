/** `POST /api/v1/webhooks/ingest`: one event in one signed request; a `202` once it is stored. */
import type { Context } from 'hono';
import { requestIdOf } from '../http/request-id.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import type { Edge } from './edge.ts';
import type { MakeEvent } from './event-maker.ts';
import type { Accepted, EventWriter } from './event-writer.ts';
import { JSON_TYPES, readSignedRequest } from './signed-request.ts';

export interface IngestDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly edge: Edge;
  readonly writer: Pick<EventWriter, 'accept'>;
  readonly makeEvent: MakeEvent;
  /** Of the secrets that may sign. */
  readonly keys: readonly Uint8Array[];
  readonly maxBodyBytes: number;
}

export const DEFAULT_SOURCE = 'default';

export function createIngestRoute({ clock, telemetry, edge, writer, makeEvent, keys, maxBodyBytes }: IngestDeps): (context: Context) => Promise<Response> {
  return async (context) => {
    edge.admitAddress(context);
    const request = await readSignedRequest(context, { clock, keys, maxBytes: maxBodyBytes, types: JSON_TYPES });
    edge.admitSource(DEFAULT_SOURCE);
    const event = makeEvent({ ...request, source: DEFAULT_SOURCE });
    const accepted = await writer.accept(event);
    telemetry.emit('event.accepted', { requestId: requestIdOf(context), eventId: accepted.id, type: event.type, duplicate: accepted.duplicate });
    return acceptedResponse(accepted);
  };
}

export function acceptedResponse({ id, status, duplicate }: Accepted): Response {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (duplicate) headers['idempotency-replayed'] = 'true';
  return new Response(JSON.stringify({ id, status, duplicate }), { status: 202, headers });
}
