/** What a sink does with a request: answers it, or misbehaves in one of the ways real receivers do. */
import type { ServerResponse } from 'node:http';
import { assertNever } from '../../src/domain/assert-never.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import type { SinkRequest } from './request.ts';

export type SinkAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string; readonly delayMs?: number }
  /** Head and the first bytes of a body, then nothing more. */
  | { readonly kind: 'stall'; readonly status: number }
  /** Never a byte, on a connection that stays open. */
  | { readonly kind: 'hang' }
  /** The connection is cut (RST) without an answer. */
  | { readonly kind: 'reset' };

/** Decides what to do with each request. One that waits holds the answer back for as long. */
export type Behaviour = (request: SinkRequest) => SinkAnswer | Promise<SinkAnswer>;

export const answer = (status: number, more: Omit<Extract<SinkAnswer, { kind: 'answer' }>, 'kind' | 'status'> = {}): SinkAnswer => ({ kind: 'answer', status, ...more });

export const statusOf = (decided: SinkAnswer): number | null => (decided.kind === 'answer' || decided.kind === 'stall' ? decided.status : null);

/** Carries an answer out; returns once all of it is handed to the socket. */
export async function give(decided: SinkAnswer, response: ServerResponse, clock: Clock, signal: AbortSignal): Promise<void> {
  switch (decided.kind) {
    case 'answer':
      if (decided.delayMs !== undefined && decided.delayMs > 0) await clock.sleep(decided.delayMs, signal);
      if (!response.destroyed && !signal.aborted) await end(response, decided);
      return;
    case 'stall':
      response.writeHead(decided.status, { 'content-length': '1000' }).write('.');
      return;
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    default:
      assertNever(decided);
  }
}

/** Settles when the sender has gone as well: nobody waits for that answer any more. */
function end(response: ServerResponse, { status, headers = {}, body = '' }: Extract<SinkAnswer, { kind: 'answer' }>): Promise<void> {
  // Without writeHead, node adds the length by itself, where the status allows one.
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  return new Promise((resolve) => response.once('close', resolve).end(body, resolve));
}
