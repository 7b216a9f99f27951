/**
 * One HTTP try, told as an outcome. undici's pools per origin, by its lowest door (`dispatch`), since `request` makes a stream
 * and a promise more of every answer, and `fetch` costs ten times as much; redirects are never followed, bodies never inflated.
 * One deadline covers everything: DNS, connect, TLS, headers and body.
 */
import { Agent } from 'undici';
import type { Outcome } from '../domain/attempt.ts';
import { urlFault, type UrlRules } from '../domain/target-url.ts';
import type { Clock } from '../runtime/clock.ts';
import { guardedConnector, type AddressGuard, type LookupAll } from './guard.ts';
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

export interface SenderOptions extends Partial<Omit<UrlRules, 'addressFault'>> {
  /** How names are looked up; by the system unless said otherwise. */
  readonly lookup?: LookupAll | undefined;
}

/** Goes by no proxy of the environment: what a proxy dials, nobody here can check. */
export function createSender(clock: Clock, guard: AddressGuard, { requireHttps = false, allowPorts = [], lookup }: SenderOptions = {}): Sender {
  const agent = new Agent({
    connect: guardedConnector(guard, lookup),
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
  const addresses = createAddressBook({ requireHttps, allowPorts, addressFault: guard });

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
      return 'fault' in address ? Promise.resolve({ kind: 'blocked', detail: address.fault }) : request(sendRequest, address);
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

/** Nothing may be sent there, and why. */
interface Forbidden {
  readonly fault: string;
}

const MOST_REMEMBERED = 10_000;

/** Where a URL leads. Targets are few and attempts many, so what was found is remembered. */
function createAddressBook(rules: UrlRules): (url: string) => Address | Forbidden {
  const known = new Map<string, Address | Forbidden>();
  return (url) => {
    const remembered = known.get(url);
    if (remembered !== undefined) return remembered;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const address = addressOf(url, rules);
    known.set(url, address);
    return address;
  };
}

function addressOf(text: string, rules: UrlRules): Address | Forbidden {
  const fault = urlFault(text, rules);
  if (fault !== null) return { fault };
  const { origin, pathname, search } = new URL(text);
  return { origin, path: pathname + search };
}
