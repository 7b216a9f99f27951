/**
 * One HTTP try, told as an outcome. undici's pools per origin, since its `request` costs a tenth of `fetch`; redirects are
 * never followed, bodies never inflated. One deadline covers everything: DNS, connect, TLS, headers and body. The status
 * decides: once it has come, a body that is too long, too slow or cut off only adds a note.
 */
import { EventEmitter } from 'node:events';
import { Agent, type Dispatcher } from 'undici';
import type { Outcome } from '../domain/attempt.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import { guardedConnector, type AddressGuard } from './guard.ts';
import { outcomeOfError } from './outcome-of.ts';

export interface SendRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
}

export interface Sender {
  /** Never rejects. */
  send(request: SendRequest): Promise<Outcome>;
  /** Cuts every try under way; each of them ends as `cut`. */
  abortAll(): void;
  close(): Promise<void>;
}

/** How much of an answer is read before the connection is given up. */
const READ_BYTES = 16_384;
/** How much of it is kept with the attempt. */
const EXCERPT_CHARACTERS = 1_024;
const MAX_HEADER_BYTES = 16_384;
/** Shorter than the usual idle limit of servers, so that we rarely write to a socket they are just closing. */
const KEEP_ALIVE_MS = 4_000;
const KEEP_ALIVE_MAX_MS = 30_000;

export function createSender(clock: Clock, guard: AddressGuard): Sender {
  const agent = new Agent({
    connect: guardedConnector(guard),
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    // The one deadline covers these; undici's own limits would only blur it.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const underWay = new Set<Cut>();

  async function request({ headers, body }: SendRequest, { origin, pathname, search }: URL, cut: Cut): Promise<Outcome> {
    try {
      const response = await agent.request({ origin, path: pathname + search, method: 'POST', headers, body, signal: cut });
      return await answerOf(response);
    } catch (error) {
      return cut.reason === null ? outcomeOfError(error) : endedBy(cut.reason);
    }
  }

  return {
    async send(sendRequest) {
      const url = usableUrl(sendRequest.url);
      if (url === null) return { kind: 'blocked', detail: 'the URL is not an http or https address without user name' };
      const cut = new Cut();
      underWay.add(cut);
      const callOff = clock.after(sendRequest.timeoutMs, () => cut.now('deadline'));
      const outcome = await request(sendRequest, url, cut);
      callOff();
      underWay.delete(cut);
      return outcome.kind === 'timeout' ? { kind: 'timeout', detail: `no answer within ${sendRequest.timeoutMs} ms` } : outcome;
    },
    abortAll() {
      for (const cut of underWay) cut.now('shutdown');
    },
    close: () => agent.destroy(),
  };
}

type CutReason = 'deadline' | 'shutdown';

/**
 * What undici takes for a signal: an emitter costs a fraction of an AbortController, whose abort builds an exception, and
 * there is one for every try. undici reads `aborted` and `reason` as well (its lib/api/api-request.js).
 */
class Cut extends EventEmitter {
  reason: CutReason | null = null;

  get aborted(): boolean {
    return this.reason !== null;
  }

  now(reason: CutReason): void {
    if (this.reason !== null) return;
    this.reason = reason;
    this.emit('abort');
  }
}

const endedBy = (reason: CutReason): Outcome => (reason === 'shutdown' ? { kind: 'cut' } : { kind: 'timeout', detail: '' });

function usableUrl(text: string): URL | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const { protocol, username, password } = url;
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '' ? url : null;
}

async function answerOf({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Outcome> {
  const { bytes, note } = await readPrefix(body);
  const excerpt = bytes.toString('utf8').slice(0, EXCERPT_CHARACTERS);
  const retryAfter = headers['retry-after'];
  const answer = { kind: 'answered', status: statusCode, retryAfter: typeof retryAfter === 'string' ? retryAfter : null, excerpt } as const;
  return note === null ? answer : { ...answer, note };
}

/** Reads at most READ_BYTES, then lets go of the connection. */
function readPrefix(body: Dispatcher.ResponseData['body']): Promise<{ readonly bytes: Buffer; readonly note: string | null }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (note: string | null): void => resolve({ bytes: Buffer.concat(chunks).subarray(0, READ_BYTES), note });
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= READ_BYTES) return;
      finish(`the answer was longer than ${READ_BYTES} bytes; the rest was not read`);
      body.destroy();
    });
    body.on('end', () => finish(null));
    body.on('error', (error: unknown) => finish(`the answer broke off: ${messageOf(error) || String(error)}`));
  });
}
