/** The sink's own page for programs: `GET /__requests` shows the last hundred requests, `DELETE /__requests` forgets all. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestLog } from './request-log.ts';
import type { SinkRequest } from './request.ts';

export const ADMIN_PATH = '/__requests';

const SHOWN = 100;

export function answerAdmin(log: RequestLog, { method }: IncomingMessage, response: ServerResponse): void {
  if (method === 'GET') {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ counts: log.counts, requests: log.requests.slice(-SHOWN).map(shownRequest) }));
  } else if (method === 'DELETE') {
    log.clear();
    response.writeHead(204).end();
  } else {
    response.writeHead(405, { allow: 'GET, DELETE' }).end();
  }
}

/** For JSON: the body as text, and the signature as one word with its reason. */
export function shownRequest(request: SinkRequest): Readonly<Record<string, unknown>> {
  return { ...request, body: request.body.toString('utf8') };
}
