/** The requests of a load, one event each or many: signed just before they are sent, as a producer does. */
import { secretKey, signedDigest } from '../../src/domain/signing.ts';
import { createBodies } from './body.ts';
import type { LoadOrder } from './calls.ts';
import type { Message } from './wire.ts';

const PATH = '/api/v1/webhooks/ingest';
const ACCEPTED = 'HTTP/1.1 202 ';
const ID = /^\{"id":"([^"]+)"/;
const COMMA = Buffer.from(',');

/** Of the events from this index on, with these types; several only where `perRequest` says so. */
export type RequestOf = (index: number, types: ArrayLike<number>) => Buffer;

export function createRequests({ url, secret, name, bodyBytes, perRequest }: Pick<LoadOrder, 'url' | 'secret' | 'name' | 'bodyBytes' | 'perRequest'>): RequestOf {
  const key = secretKey(secret);
  if (key === null) throw new Error('Expected a usable secret, got another');
  const bodyOf = createBodies(bodyBytes);
  const start = `POST ${PATH}${perRequest > 1 ? '/batch' : ''} HTTP/1.1\r\nhost: ${new URL(url).host}\r\ncontent-type: application/json\r\n`;
  return (index, types) => {
    const bodies = Array.from(types, (type, place) => bodyOf(index + place, type));
    const body = perRequest > 1 ? arrayOf(bodies) : (bodies[0] ?? COMMA);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const idempotencyKey = `${name}-${index}`;
    const signature = signedDigest(key, timestamp, idempotencyKey, body).toString('hex');
    const head = `${start}content-length: ${body.length}\r\nx-timestamp: ${timestamp}\r\nx-idempotency-key: ${idempotencyKey}\r\nx-signature: ${signature}\r\n\r\n`;
    const request = Buffer.allocUnsafe(head.length + body.length);
    request.write(head, 0, 'latin1');
    body.copy(request, head.length);
    return request;
  };
}

const arrayOf = (bodies: readonly Buffer[]): Buffer => Buffer.concat([Buffer.from('['), ...bodies.flatMap((body, place) => (place === 0 ? [body] : [COMMA, body])), Buffer.from(']')]);

/** @throws Error when the answer is no acceptance of so many events: a rate with refusals in it means nothing */
export function acceptedIds({ head, body }: Message, count: number): readonly string[] {
  const ids = !head.startsWith(ACCEPTED) ? [] : count === 1 ? [ID.exec(body.toString('latin1', 0, 200))?.[1]] : idsOfBatch(body);
  const known = ids.filter((id) => id !== undefined);
  if (known.length !== count) throw new Error(`Expected 202 and ${count === 1 ? 'an id' : `${count} ids`}, got ${head.slice(0, 30).trimEnd()} ${body.toString('utf8').slice(0, 300)}`);
  return known;
}

function idsOfBatch(body: Buffer): readonly (string | undefined)[] {
  const { items = [] } = JSON.parse(body.toString('utf8')) as { readonly items?: readonly { readonly event?: { readonly id: string } }[] };
  return items.map(({ event }) => event?.id);
}
