/**
 * The generator, a process of its own: so many senders, each with one kept connection, each sending its next event as soon
 * as its last one was answered. An event that is not accepted ends the load: a rate with refusals in it means nothing.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { secretKey, signedDigest } from '../src/domain/signing.ts';
import { createBodies } from './body.ts';
import { answerCalls, now, type LoadOrder, type LoadReport } from './calls.ts';
import { MessageReader, type Message } from './wire.ts';

const PATH = '/api/v1/webhooks/ingest';
const ACCEPTED = 'HTTP/1.1 202 ';
const ID = /^\{"id":"([^"]+)"/;

type RequestOf = (index: number) => Buffer;

async function load({ url, secret, name, count, senders, bodyBytes }: LoadOrder): Promise<LoadReport> {
  const requestOf = createRequests({ url, secret, name, bodyBytes });
  const report = { ids: new Array<string>(count).fill(''), sentAtMs: new Float64Array(count), ackedAtMs: new Float64Array(count) };
  const sockets = await Promise.all(Array.from({ length: Math.min(senders, count) }, () => open(url)));
  let next = 0;

  async function send(socket: Socket): Promise<void> {
    const answers = answersOn(socket);
    for (let index = next++; index < count; index = next++) {
      const request = requestOf(index);
      report.sentAtMs[index] = now();
      socket.write(request);
      const answer = await answers();
      report.ackedAtMs[index] = now();
      report.ids[index] = idOf(answer);
    }
  }

  try {
    await Promise.all(sockets.map(send));
    return report;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** The next answer of a connection; rejects when the connection ends instead. */
function answersOn(socket: Socket): () => Promise<Message> {
  const reader = new MessageReader();
  let waiting: { readonly resolve: (message: Message) => void; readonly reject: (error: Error) => void } | null = null;
  socket.on('data', (chunk: Buffer) => {
    const message = reader.push(chunk);
    if (message !== null) waiting?.resolve(message);
  });
  socket.on('error', (error) => waiting?.reject(error));
  socket.on('close', () => waiting?.reject(new Error('Expected an answer, got a closed connection')));
  return () => new Promise((resolve, reject) => (waiting = { resolve, reject }));
}

/** Signs each event just before it is sent, as a producer does. */
function createRequests({ url, secret, name, bodyBytes }: Pick<LoadOrder, 'url' | 'secret' | 'name' | 'bodyBytes'>): RequestOf {
  const key = secretKey(secret);
  if (key === null) throw new Error('Expected a usable secret, got another');
  const bodyOf = createBodies(bodyBytes);
  const start = `POST ${PATH} HTTP/1.1\r\nhost: ${new URL(url).host}\r\ncontent-type: application/json\r\ncontent-length: ${bodyBytes}\r\n`;
  return (index) => {
    const body = bodyOf(index);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const idempotencyKey = `${name}-${index}`;
    const signature = signedDigest(key, timestamp, idempotencyKey, body).toString('hex');
    const head = `${start}x-timestamp: ${timestamp}\r\nx-idempotency-key: ${idempotencyKey}\r\nx-signature: ${signature}\r\n\r\n`;
    const request = Buffer.allocUnsafe(head.length + bodyBytes);
    request.write(head, 0, 'latin1');
    body.copy(request, head.length);
    return request;
  };
}

function idOf({ head, body }: Message): string {
  const id = ID.exec(body.toString('latin1', 0, 200))?.[1];
  if (!head.startsWith(ACCEPTED) || id === undefined) throw new Error(`Expected 202 and an id, got ${head.slice(0, 30).trimEnd()} ${body.toString('utf8').slice(0, 300)}`);
  return id;
}

answerCalls({ load });
