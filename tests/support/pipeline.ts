/**
 * A sender that does not wait: requests go out at a steady pace over one connection, whatever has been answered, and the
 * answers come back in their order (HTTP/1.1 pipelining, RFC 9112 section 9.3.2). So few connections make much pressure.
 */
import { connect } from 'node:net';
import { once } from 'node:events';
import { systemClock } from '../../src/runtime/clock.ts';

export interface PipelinedAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: string;
  readonly tookMs: number;
}

export interface Pipeline {
  readonly url: string;
  readonly path: string;
  readonly count: number;
  readonly everyMs: number;
  readonly requestOf: (index: number) => { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array };
}

/** Sends them all; resolves with every answer, in order. @throws when the connection ends before the last */
export async function sendPipelined({ url, path, count, everyMs, requestOf }: Pipeline): Promise<readonly PipelinedAnswer[]> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const sentAtMs: number[] = [];
  const answers: PipelinedAnswer[] = [];
  let unread = '';

  function take(chunk: Buffer): void {
    unread += chunk.toString('latin1');
    for (let answer = cutAnswer(unread); answer !== null; answer = cutAnswer(unread)) {
      unread = answer.rest;
      answers.push({ ...answer, tookMs: performance.now() - (sentAtMs[answers.length] ?? 0) });
      if (answers.length === count) socket.end();
    }
  }

  async function sendAll(): Promise<void> {
    const startedAtMs = performance.now();
    for (let index = 0; index < count && socket.writable; index += 1) {
      await systemClock.sleep(Math.max(0, startedAtMs + index * everyMs - performance.now()));
      const { headers, body } = requestOf(index);
      const head = Object.entries({ Host: hostname, 'Content-Length': String(body.byteLength), ...headers }).map(([name, value]) => `${name}: ${value}`).join('\r\n');
      sentAtMs.push(performance.now());
      socket.write(Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n\r\n`, 'latin1'), body]));
    }
  }

  socket.on('data', take);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  await Promise.all([sendAll(), closed]);
  if (answers.length < count) throw new Error(`Expected ${count} answers on one connection, got ${answers.length} and its end`);
  return answers;
}

/** The first whole answer of the text, and what comes after it. */
function cutAnswer(text: string): { readonly status: number; readonly retryAfter: string | null; readonly body: string; readonly rest: string } | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const head = text.slice(0, end);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length === undefined) throw new Error(`Expected answers with a Content-Length, got:\n${head}`);
  const bodyEnd = end + 4 + Number(length);
  if (text.length < bodyEnd) return null;
  return { status: Number(head.slice(9, 12)), retryAfter: /^retry-after: (.*)$/im.exec(head)?.[1] ?? null, body: text.slice(end + 4, bodyEnd), rest: text.slice(bodyEnd) };
}
