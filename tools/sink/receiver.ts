/**
 * The path of one request through a sink: read, verify, log, decide, answer. A behaviour that throws is a fault of the script
 * that it came from, so the sender gets its message with a 500 and the sink goes on.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../src/runtime/clock.ts';
import { messageOf } from '../../src/runtime/errors.ts';
import { ADMIN_PATH, answerAdmin } from './admin.ts';
import { answer, give, statusOf, type Behaviour, type SinkAnswer } from './answer.ts';
import type { RequestLog } from './request-log.ts';
import { headerOf } from './headers.ts';
import { openRequest, readBody, type OpenRequest, type SinkRequest } from './request.ts';
import type { Verifier } from './verify.ts';

export interface ReceiverDeps {
  readonly clock: Clock;
  readonly log: RequestLog;
  readonly verify: Verifier;
  /** The one that holds now. */
  readonly behaviour: () => Behaviour;
}

export interface ReceiverOptions {
  readonly bodies: boolean;
  readonly onRequest: (request: SinkRequest) => void;
  readonly onDone: (request: SinkRequest, tookMs: number) => void;
}

/** The signal ends delays: the sink is stopping. */
export type Receiver = (message: IncomingMessage, response: ServerResponse, signal: AbortSignal) => void;

const MAX_BODY_BYTES = 16_777_216;

export function createReceiver({ clock, log, verify, behaviour }: ReceiverDeps, { bodies, onRequest, onDone }: ReceiverOptions): Receiver {
  async function receive(message: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const atMs = clock.monotonic();
    const receivedAt = new Date(clock.now());
    const body = await readBody(message, MAX_BODY_BYTES);
    if (body === null) return give(answer(413, { headers: { connection: 'close' } }), response, clock, signal);
    const verification = verify(message.headers, body, clock.now());
    const seen = log.visit(headerOf(message.headers, 'webhook-id'));
    const request = openRequest(message, { seen, atMs, receivedAt, body: bodies ? body : Buffer.alloc(0), bytes: body.length, verification });
    log.add(request);
    onRequest(request);
    const decided = await decide(request);
    await give(decided, response, clock, signal);
    onDone(request, clock.monotonic() - atMs);
  }

  async function decide(request: OpenRequest): Promise<SinkAnswer> {
    const decided = await attemptOf(() => behaviour()(request));
    log.decided(request, statusOf(decided));
    return decided;
  }

  return (message, response, signal) => {
    if (message.url?.split('?', 1)[0] === ADMIN_PATH) return answerAdmin(log, message, response);
    // What is left to fail here is a sender that goes away in the middle of its body; there is nobody to tell.
    receive(message, response, signal).catch(() => response.destroy());
  };
}

async function attemptOf(behave: () => SinkAnswer | Promise<SinkAnswer>): Promise<SinkAnswer> {
  try {
    return await behave();
  } catch (error) {
    return answer(500, { body: messageOf(error) });
  }
}
