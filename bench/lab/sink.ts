/**
 * The receiver of all targets, a process of its own: `/hook/<number>` is that target. Notes which event came when, answers what
 * it was told to (200 at once unless told otherwise), and checks nothing, so as to cost next to nothing.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerCalls, now, type Arrivals, type ArrivalsOrder, type Behaviour } from './calls.ts';
import { MessageReader, type Message } from './wire.ts';

const TARGET = /^POST \/hook\/(\d+) /;
const WEBHOOK_ID = /\r\nwebhook-id: *([^\r]+)/i;
const ATTEMPT = /\r\nhooktail-attempt: *(\d+)/i;
const LOOK_EVERY_MS = 20;
const AT_ONCE: Behaviour = { kind: 'answer', status: 200, afterMs: 0 };

interface Row {
  readonly id: string;
  readonly target: number;
  readonly attempt: number;
  readonly status: number;
  readonly atMs: number;
}

let rows: Row[] = [];
let succeeded = new Set<string>();
let connections = 0;
let behaviours: Readonly<Record<number, Behaviour>> = {};

function serve(socket: Socket): void {
  const reader = new MessageReader();
  connections += 1;
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    const message = reader.push(chunk);
    if (message !== null) receive(message, socket);
  });
  socket.on('error', () => socket.destroy()); // A cut connection is the sender's affair; what is missing shows in the end.
}

function receive({ head }: Message, socket: Socket): void {
  const target = Number(TARGET.exec(head)?.[1] ?? 0);
  const behaviour = behaviours[target] ?? AT_ONCE;
  const status = behaviour.kind === 'answer' ? behaviour.status : 0;
  const id = WEBHOOK_ID.exec(head)?.[1] ?? '';
  rows.push({ id, target, attempt: Number(ATTEMPT.exec(head)?.[1] ?? 1), status, atMs: now() });
  if (status >= 200 && status < 300) succeeded.add(`${id}/${target}`);
  if (behaviour.kind === 'hang') return;
  if (behaviour.afterMs === 0) socket.write(answerOf(status));
  else setTimeout(() => socket.write(answerOf(status)), behaviour.afterMs);
}

const answers = new Map<number, Buffer>();

function answerOf(status: number): Buffer {
  const known = answers.get(status) ?? Buffer.from(`HTTP/1.1 ${status} Answer\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok`);
  answers.set(status, known);
  return known;
}

async function listen(): Promise<string> {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}

function behave(wanted: Readonly<Record<number, Behaviour>>): Promise<null> {
  behaviours = wanted;
  return Promise.resolve(null);
}

/** Waits until all have come, or until nothing new has come for too long: what is missing is the caller's to tell. */
async function arrivals({ count, silenceMs }: ArrivalsOrder): Promise<Arrivals> {
  let seen = -1;
  for (let quietSinceMs = now(); succeeded.size < count && now() - quietSinceMs < silenceMs; await sleep(LOOK_EVERY_MS)) {
    if (succeeded.size !== seen) quietSinceMs = now();
    seen = succeeded.size;
  }
  const answer = {
    ids: rows.map(({ id }) => id), targets: Uint16Array.from(rows, ({ target }) => target), attempts: Uint8Array.from(rows, ({ attempt }) => Math.min(attempt, 255)),
    statuses: Uint16Array.from(rows, ({ status }) => status), atMs: Float64Array.from(rows, ({ atMs }) => atMs), connections,
  };
  [rows, succeeded, connections] = [[], new Set(), 0];
  return answer;
}

answerCalls({ listen, behave, count: () => Promise.resolve(succeeded.size), arrivals });
