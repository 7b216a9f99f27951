/**
 * The listening socket, with limits that really fire: Node looks at its request timeouts only every 30 s unless told
 * otherwise. What does not even parse as HTTP is answered as a problem too.
 */
import { createServer, type RequestListener, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Clock } from '../runtime/clock.ts';
import { FatalError, messageOf } from '../runtime/errors.ts';
import type { Service } from '../runtime/service.ts';
import { PROBLEM_TYPE, Problem, problemBody, type ProblemCode } from './problem.ts';
import { nameRequest } from './request-id.ts';

export interface HttpServer extends Service {
  /** Set once started. */
  readonly url: string;
}

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  /** How long requests may go on after `stop()`, before their connections are cut. */
  readonly graceMs: number;
  /** How long a connection may be kept without a request. Longer than the usual idle limit of load balancers, so that they close first. */
  readonly idleMs?: number;
  /** How long nothing may move on a connection in the middle of a request or an answer, such as one that nobody reads. */
  readonly stallMs?: number;
  /** The name of the variable that the port is set by, for whoever has to set another one. */
  readonly setting?: string;
}

const LIMITS = {
  requestTimeout: 15_000,
  headersTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
};
const IDLE_MS = 65_000;
/** Twice what a request may take, so that those are answered by their own limits. */
const STALL_MS = 30_000;
const LOOK_FOR_IDLE_MS = 50;

export function createHttpServer(app: Hono, clock: Clock, { host, port, graceMs, setting = 'PORT', idleMs = IDLE_MS, stallMs = STALL_MS }: HttpServerOptions): HttpServer {
  const server = createAdaptorServer({ fetch: app.fetch, createServer: createNamingServer as typeof createServer, serverOptions: { ...LIMITS, keepAliveTimeout: idleMs } }) as Server;
  server.setTimeout(stallMs);
  server.on('clientError', answerUnreadable);
  let url = '';

  /** A connection whose last request has been answered would be kept for the next one. */
  async function closeOnceIdle(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      server.closeIdleConnections();
      await clock.sleep(LOOK_FOR_IDLE_MS, signal);
    }
  }

  return {
    get url() {
      return url;
    },
    async start() {
      if (server.listening) return;
      await listen(server, { host, port, setting });
      const { port: actual } = server.address() as AddressInfo;
      url = `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
    },
    async stop() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      const done = new AbortController();
      void closeOnceIdle(done.signal);
      void clock.sleep(graceMs, done.signal).then(() => server.closeAllConnections());
      await closed;
      done.abort();
    },
  };
}

const createNamingServer = (options: ServerOptions, listener: RequestListener): Server =>
  createServer(options, (request, response) => {
    nameRequest(request, response);
    listener(request, response);
  });

type Place = Required<Pick<HttpServerOptions, 'host' | 'port' | 'setting'>>;

function listen(server: Server, place: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFault(error, place)));
    server.listen(place.port, place.host, resolve);
  });
}

function listenFault(error: NodeJS.ErrnoException, { host, port, setting }: Place): FatalError {
  if (error.code === 'EADDRINUSE') return new FatalError('port_taken', `Port ${port} on ${host} is taken by another program`, { cause: error, fix: `set ${setting} to another one, or 0 for any free one` });
  if (error.code === 'EACCES') return new FatalError('port_refused', `Port ${port} may not be used by this user`, { cause: error, fix: `set ${setting} to 1024 or more` });
  return new FatalError('cannot_listen', `Cannot listen on ${host}:${port}: ${messageOf(error)}`, { cause: error, fix: 'set HOST to an address of this machine' });
}

/** By Node's error codes (nodejs/node lib/_http_server.js, socketOnError). */
const UNREADABLE: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', `Expected at most ${LIMITS.maxHeaderSize} bytes of headers, got more`],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', `Expected the whole request within ${LIMITS.requestTimeout / 1000} s`],
};

/** What Node keeps of the answer that a connection owes (nodejs/node lib/_http_server.js, socketOnError). */
interface Answering {
  readonly _httpMessage?: ServerResponse | null;
}

function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const owed = (socket as Answering)._httpMessage;
  if (owed?.req.complete === true) {
    // Rubbish behind a whole request must not be answered in its place: its own answer may be a 202.
    socket.pause();
    owed.once('close', () => socket.destroy());
    return;
  }
  const [code, detail] = UNREADABLE[error.code ?? ''] ?? (['bad_request', 'Expected an HTTP/1.1 request, got something that is none'] as const);
  const problem = new Problem(code, detail);
  const body = problemBody(problem);
  socket.end(`HTTP/1.1 ${problem.status} Refused\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}
