/**
 * One name for one request, in its answer and in every line that is logged about it: the sender's `x-request-id` where that is fit to
 * be written down, else one of ours. It is set where the request comes in, so that every answer has it, whoever makes it.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from 'hono';

const HEADER = 'x-request-id';
/** What proxies and tracers make, and nothing that could be taken for another field of a line. */
const FIT = /^[A-Za-z0-9][A-Za-z0-9._:+/=@-]{0,127}$/;

/** Names the request, before anything else looks at it. */
export function nameRequest({ headers }: IncomingMessage, response: ServerResponse): void {
  const given = headers[HEADER];
  response.setHeader(HEADER, typeof given === 'string' && FIT.test(given) ? given : randomUUID());
}

/** Null for a request that came by no socket, as in tests. */
export function requestIdOf(context: Context): string | null {
  const bindings = context.env as { readonly outgoing?: ServerResponse } | undefined;
  const id = bindings?.outgoing?.getHeader(HEADER);
  return typeof id === 'string' ? id : null;
}
