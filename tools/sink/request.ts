/** One request that a sink received: what came, whether its signature holds, and what it was answered. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { headerOf } from './headers.ts';
import type { Verification } from './verify.ts';

interface Arrival {
  /** `webhook-id`, the same on every attempt. */
  readonly id: string | null;
  /** `hooktail-attempt`, from 1. */
  readonly attempt: number | null;
  /** `hooktail-event-type`. */
  readonly type: string | null;
  /** How often this id has been here, this time included. */
  readonly seen: number;
  /** When its headers were here, on the monotonic clock: the moment that rate limits are about. */
  readonly atMs: number;
  readonly receivedAt: Date;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The raw bytes; empty when the sink keeps no bodies. */
  readonly body: Buffer;
  readonly bytes: number;
}

/** `status` is null until an answer is decided on, and for ever when none is given. */
export type SinkRequest = Arrival & Verification & { readonly status: number | null };

/** A request that the sink itself can still write the status of. */
export type OpenRequest = Arrival & Verification & { status: number | null };

/** What a request is made of, beside what stands in its head. */
export interface Received {
  readonly seen: number;
  readonly atMs: number;
  readonly receivedAt: Date;
  readonly body: Buffer;
  readonly bytes: number;
  readonly verification: Verification;
}

export function openRequest({ headers, method = '', url = '' }: IncomingMessage, { verification, ...received }: Received): OpenRequest {
  const attempt = headerOf(headers, 'hooktail-attempt') ?? '';
  return {
    ...received,
    ...verification,
    id: headerOf(headers, 'webhook-id'),
    attempt: /^\d{1,9}$/.test(attempt) ? Number(attempt) : null,
    type: headerOf(headers, 'hooktail-event-type'),
    method,
    path: url,
    headers,
    status: null,
  };
}

/** The whole body; null when it is larger than `maxBytes`. @throws when the sender goes away before its end */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}
