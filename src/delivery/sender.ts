/**
 * One HTTP try, told as an outcome. undici's pools per origin, by its lowest door (`dispatch`), since `request` makes a stream
 * and a promise more of every answer, and `fetch` costs ten times as much; redirects are never followed, bodies never inflated.
 * One deadline covers everything: DNS, connect, TLS, headers and body.
 */
import { Agent } from 'undici';
import type { Outcome } from '../domain/attempt.ts';
import type { Clock } from '../runtime/clock.ts';
import { guardedConnector, type AddressGuard } from './guard.ts';
import { HttpTry } from './http-try.ts';

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
  const underWay = new Set<HttpTry>();
  const addresses = createAddressBook();

  function request({ headers, body, timeoutMs }: SendRequest, { origin, path }: Address): Promise<Outcome> {
    return new Promise((resolve) => {
      const attempt = new HttpTry((outcome) => {
        callOff();
        underWay.delete(attempt);
        resolve(outcome.kind === 'timeout' ? { kind: 'timeout', detail: `no answer within ${timeoutMs} ms` } : outcome);
      });
      underWay.add(attempt);
      const callOff = clock.after(timeoutMs, () => attempt.cut('deadline'));
      agent.dispatch({ origin, path, method: 'POST', headers, body }, attempt);
    });
  }

  return {
    send(sendRequest) {
      const address = addresses(sendRequest.url);
      if (address === null) return Promise.resolve({ kind: 'blocked', detail: 'the URL is not an http or https address without user name' });
      return request(sendRequest, address);
    },
    abortAll() {
      for (const attempt of underWay) attempt.cut('shutdown');
    },
    close: () => agent.destroy(),
  };
}

interface Address {
  readonly origin: string;
  readonly path: string;
}

const MOST_REMEMBERED = 10_000;

/** Where a URL leads; null when it may lead nowhere. Targets are few and attempts many, so what was found is remembered. */
function createAddressBook(): (url: string) => Address | null {
  const known = new Map<string, Address | null>();
  return (url) => {
    const remembered = known.get(url);
    if (remembered !== undefined) return remembered;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const address = addressOf(url);
    known.set(url, address);
    return address;
  };
}

function addressOf(text: string): Address | null {
  if (!URL.canParse(text)) return null;
  const { protocol, username, password, origin, pathname, search } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '' ? { origin, path: pathname + search } : null;
}
