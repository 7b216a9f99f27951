/**
 * `POST /api/v1/webhooks/ingest/:source` and its batches: requests to a source of the database. Who cannot sign for it learns nothing
 * of it, not even whether there is one: size and content type are those of the server, and then there is one answer to a wrong
 * signature, a missing one and an unknown source. Everything else is told to those who have signed.
 */
import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import { readBody } from '../http/body.ts';
import { Problem } from '../http/problem.ts';
import { requestIdOf } from '../http/request-id.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { BATCH_TYPES } from './batch-items.ts';
import { createBatchIntake, refuseLongKey } from './batch-intake.ts';
import type { Edge } from './edge.ts';
import { parseBody } from './event-body.ts';
import type { MakeEvent } from './event-maker.ts';
import type { EventWriter } from './event-writer.ts';
import { acceptedResponse } from './ingest-route.ts';
import type { LiveSource, SourceRequest } from './live-source.ts';
import { createHmacVerifier } from './schemes/hmac-body.ts';
import type { Signed } from './schemes/verdict.ts';
import type { HeaderReader } from './signed-headers.ts';
import { JSON_TYPES, refuseContent, type AcceptedTypes } from './signed-request.ts';
import type { SourceDesk } from './source-desk.ts';
import { checkTimestamp } from './verify.ts';

export interface SourceDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly edge: Edge;
  readonly desk: SourceDesk;
  readonly writer: Pick<EventWriter, 'accept' | 'acceptAll'>;
  readonly makeEvent: MakeEvent;
  readonly maxBodyBytes: number;
  readonly maxBatchBytes: number;
}

type Handler = (context: Context) => Promise<Response>;

interface Received extends SourceRequest {
  readonly source: LiveSource;
}

export function createSourceRoutes(deps: SourceDeps): { readonly one: Handler; readonly batch: Handler } {
  const { telemetry, writer, makeEvent, maxBodyBytes, maxBatchBytes } = deps;
  const receive = createReceiver(deps);

  return {
    async one(context) {
      const { source, ...request } = await receive(context, { maxBytes: maxBodyBytes, types: JSON_TYPES });
      refuseLarge(source, request.body);
      const value = parseBody(request.body);
      const handshake = source.handshake(value);
      if (handshake !== null) return handshake;
      const event = makeEvent(source.partsOf({ ...request, value }));
      const accepted = await writer.accept(event);
      telemetry.emit('event.accepted', { requestId: requestIdOf(context), eventId: accepted.id, type: event.type, duplicate: accepted.duplicate });
      return acceptedResponse(accepted);
    },
    async batch(context) {
      const { source, contentType, ...request } = await receive(context, { maxBytes: maxBatchBytes, types: BATCH_TYPES });
      const key = request.signed.idempotencyKey;
      if (!source.takesBatches || key === null) throw new Problem('batch_unsupported', 'Expected one event: the scheme of this source signs no key that the events of a batch could share');
      refuseLongKey(key);
      const storeBatch = createBatchIntake({ telemetry, writer, maxBodyBytes: Math.min(maxBodyBytes, source.maxBodyBytes ?? maxBodyBytes) });
      return storeBatch({ idempotencyKey: key, body: request.body, contentType }, (body, itemKey) => makeEvent(source.partsOf({ ...request, body, contentType: 'application/json' }, itemKey)), requestIdOf(context));
    },
  };
}

function createReceiver({ clock, telemetry, edge, desk }: SourceDeps): (context: Context, limits: { readonly maxBytes: number; readonly types: AcceptedTypes }) => Promise<Received> {
  const decoy = createHmacVerifier({ header: 'x-none', prefix: '', encoding: 'hex', content: '{body}', timestamp: null }, [randomBytes(32).toString('hex')]);

  function signedBy(source: LiveSource | null, header: HeaderReader, body: Uint8Array, requestId: string | null): Signed {
    const verdict = source === null ? decoy(header, body) : source.verify(header, body);
    if (verdict.kind === 'signed') return verdict;
    if (source !== null) telemetry.emit('source.refused', { requestId, source: source.name, reason: verdict.reason });
    throw new Problem('invalid_signature', 'Expected a request to a source that there is, signed as it asks and with one of its secrets; got none');
  }

  return async (context, { maxBytes, types }) => {
    edge.admitAddress(context);
    const header: HeaderReader = (name) => context.req.header(name);
    refuseContent(header('content-type'), header('content-encoding'), types);
    const body = await readBody(context.req.raw, header('content-length'), maxBytes);
    const source = await desk.find(context.req.param('source') ?? '');
    const signed = signedBy(source, header, body, requestIdOf(context));
    if (source === null) throw new Error('Expected nobody to have signed for no source');
    if (signed.timestampMs !== null) checkTimestamp({ timestampMs: signed.timestampMs }, clock.now());
    edge.admitSource(source.name, source.rate);
    return { source, header, signed, body, contentType: header('content-type') ?? '' };
  };
}

function refuseLarge({ maxBodyBytes }: LiveSource, body: Uint8Array): void {
  if (maxBodyBytes !== null && body.byteLength > maxBodyBytes) throw new Problem('body_too_large', `Expected at most ${maxBodyBytes} bytes, got ${body.byteLength}`);
}
