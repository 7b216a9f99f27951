/** The receiver, a process of its own: notes which event came when, answers 200, and checks nothing, so as to cost next to nothing. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerCalls, now, type Arrivals, type ArrivalsOrder } from './calls.ts';
import { MessageReader } from './wire.ts';

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok');
const WEBHOOK_ID = /\r\nwebhook-id: *([^\r]+)/i;
const LOOK_EVERY_MS = 20;

let firstArrivals = new Map<string, number>();
let requests = 0;

function serve(socket: Socket): void {
  const reader = new MessageReader();
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    const message = reader.push(chunk);
    if (message === null) return;
    note(WEBHOOK_ID.exec(message.head)?.[1] ?? '');
    socket.write(ANSWER);
  });
  socket.on('error', () => socket.destroy()); // A cut connection is the sender's affair; what is missing shows in the end.
}

function note(id: string): void {
  requests += 1;
  if (!firstArrivals.has(id)) firstArrivals.set(id, now());
}

async function listen(): Promise<string> {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}

/** Waits until all have come, or until nothing new has come for too long: what is missing is the caller's to tell. */
async function arrivals({ count, silenceMs }: ArrivalsOrder): Promise<Arrivals> {
  let seen = -1;
  for (let quietSinceMs = now(); firstArrivals.size < count && now() - quietSinceMs < silenceMs; await sleep(LOOK_EVERY_MS)) {
    if (firstArrivals.size !== seen) quietSinceMs = now();
    seen = firstArrivals.size;
  }
  const answer = { ids: [...firstArrivals.keys()], arrivedAtMs: Float64Array.from(firstArrivals.values()), requests };
  firstArrivals = new Map();
  requests = 0;
  return answer;
}

answerCalls({ listen, arrivals });
