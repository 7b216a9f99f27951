/**
 * One HTTP exchange with the server, over core `node:http` with kept connections. No answer is data, not an exception: to a load
 * it is one more line of the report, and a follower simply asks again.
 */
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';

export type HttpAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly text: string }
  /** `code` is `timeout`, `aborted`, or what the system calls it, such as `ECONNREFUSED`. */
  | { readonly kind: 'unanswered'; readonly code: string; readonly detail: string };

export interface HttpCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpClient {
  call(call: HttpCall): Promise<HttpAnswer>;
  close(): void;
}

export interface HttpClientOptions {
  readonly url: string;
  readonly connections: number;
  /** Deadline of one exchange. */
  readonly timeoutMs: number;
}

export function createHttpClient({ url, connections, timeoutMs }: HttpClientOptions): HttpClient {
  const base = url.replace(/\/+$/, '');
  const secure = base.startsWith('https:');
  const agent = secure ? new HttpsAgent({ keepAlive: true, maxSockets: connections }) : new HttpAgent({ keepAlive: true, maxSockets: connections });

  async function call({ method, path, headers, body, signal }: HttpCall): Promise<HttpAnswer> {
    const deadline = new AbortController();
    // Cleared at the end: with AbortSignal.timeout, a fast load would leave a timer behind for each request.
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    const cut = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]);
    try {
      const message = await new Promise<IncomingMessage>((resolve, reject) => {
        const length = body === undefined ? {} : { 'Content-Length': String(body.length) };
        const request = (secure ? requestHttps : requestHttp)(`${base}${path}`, { method, agent, headers: { ...headers, ...length }, signal: cut });
        request.on('response', resolve).on('error', reject).end(body);
      });
      return { kind: 'answered', status: message.statusCode ?? 0, text: await text(message) };
    } catch (error) {
      if (deadline.signal.aborted) return { kind: 'unanswered', code: 'timeout', detail: `no answer within ${timeoutMs} ms` };
      return signal?.aborted === true ? { kind: 'unanswered', code: 'aborted', detail: 'interrupted' } : unanswered(error);
    } finally {
      clearTimeout(timer);
    }
  }

  return { call, close: () => agent.destroy() };
}

/** A host with several addresses fails with one error for each; the first tells enough. */
function unanswered(error: unknown): HttpAnswer {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return { kind: 'unanswered', code: 'unknown', detail: String(first) };
  return { kind: 'unanswered', code: 'code' in first ? String(first.code) : first.name, detail: first.message };
}
