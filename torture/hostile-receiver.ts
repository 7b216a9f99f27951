/**
 * A receiver that speaks bytes, not HTTP, and does harm by the path it is asked for: `/31` answers 200 and then a gigabyte. Whatever it
 * does it counts: connections by the address they came in on, requests by path, bytes it could get rid of.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** What is done once a whole request has come. */
export type Harm = (socket: Socket, receiver: HostileReceiver) => void;

const head = (status: string, headers = ''): string => `HTTP/1.1 ${status}\r\n${headers}\r\n`;
const says = (bytes: string | Buffer): Harm => (socket) => void socket.write(bytes);
const BOMB = gzipSync('x'.repeat(10_000_000));

/** Repeats as fast as the other side reads, until it goes. */
const forever = (first: string, more: string): Harm => (socket) => {
  const again = (): void => {
    if (socket.writable) socket.write(more, () => setImmediate(again));
  };
  socket.write(first, again);
};

/** One byte now and then, by a timer of the receiver's own. */
const dripping = (first: string, byte: string): Harm => (socket) => {
  socket.write(first);
  const timer = setInterval(() => socket.write(byte), 100);
  socket.on('close', () => clearInterval(timer));
};

/** How a handshake begins (RFC 8446 section 5.1). */
const TLS_HELLO = '\u0016\u0003';

export const HARMS: Readonly<Record<string, Harm>> = {
  'well': says(head('200 OK', 'content-length: 2\r\n') + 'ok'),
  '28-redirect': (socket, { port }) => void socket.write(head('302 Found', `location: http://127.0.0.2:${port}/stolen\r\ncontent-length: 0\r\n`)),
  '29-silent': () => undefined,
  '30-dripping-head': dripping('HTTP/1.1 200 OK\r\n', 'x'),
  '30-dripping-body': dripping(head('200 OK', 'content-length: 100000\r\n'), 'x'),
  '31-gigabyte': forever(head('200 OK', 'content-length: 1073741824\r\n'), 'x'.repeat(65_536)),
  '32-reset': (socket) => void socket.write(head('200 OK', 'content-length: 1000\r\n') + 'half', () => setTimeout(() => socket.resetAndDestroy(), 20)),
  '33-bomb': says(Buffer.concat([Buffer.from(head('200 OK', `content-encoding: gzip\r\ncontent-length: ${BOMB.length}\r\n`)), BOMB])),
  'endless-headers': forever('HTTP/1.1 200 OK\r\n', `x-more: ${'y'.repeat(1_000)}\r\n`),
  'endless-header': forever('HTTP/1.1 200 OK\r\nx-more: ', 'y'.repeat(1_000)),
  'endless-interim': forever('', head('103 Early Hints')),
  'garbage-chunks': says(head('200 OK', 'transfer-encoding: chunked\r\n') + 'zz\r\nwhat\r\n'),
  'huge-chunk': says(head('200 OK', 'transfer-encoding: chunked\r\n') + 'ffffffffffffffffff\r\nwhat\r\n'),
  'fin-before-head': (socket) => void socket.end(),
  'fin-in-head': (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-le'),
  'no-content-with-body': says(head('204 No Content') + 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
  'length-too-short': says(head('200 OK', 'content-length: 2\r\n') + 'okHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n'),
  'length-too-long': (socket) => void socket.end(head('200 OK', 'content-length: 100\r\n') + 'ok'),
  'length-negative': says(head('200 OK', 'content-length: -1\r\n') + 'ok'),
  'upgrade': says(head('101 Switching Protocols', 'connection: upgrade\r\nupgrade: websocket\r\n')),
};

const SLOW: readonly string[] = ['29-silent', '30-dripping-head', '30-dripping-body'];

/** Those that are over at once, so that many can be suffered in little time. */
export const QUICK_HARMS: readonly string[] = Object.keys(HARMS).filter((harm) => !SLOW.includes(harm));

export class HostileReceiver {
  readonly connectedTo: string[] = [];
  readonly asked: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  bytesWritten = 0;

  private constructor() {
    this.#server = createServer((socket) => this.#take(socket));
  }

  /** On every address of this machine, so that whatever gets through to any of them is seen. */
  static async start(): Promise<HostileReceiver> {
    const receiver = new HostileReceiver();
    receiver.#server.listen({ port: 0, host: '0.0.0.0', backlog: 1_024 });
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  urlOf(harm: string, host = '127.0.0.1', scheme = 'http'): string {
    return `${scheme}://${host}:${this.port}/${harm}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(socket: Socket): void {
    this.connectedTo.push(socket.localAddress ?? '');
    this.#sockets.add(socket);
    let said = '';
    socket.setEncoding('latin1').on('error', () => undefined).on('close', () => {
      this.#sockets.delete(socket);
      this.bytesWritten += socket.bytesWritten;
    }).on('data', (text: string) => {
      said += text;
      if (said.startsWith(TLS_HELLO)) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      for (let path = wholeRequest(said); path !== null; path = wholeRequest(said)) {
        said = said.slice(path.length);
        this.asked.push(path.harm);
        HARMS[path.harm]?.(socket, this);
      }
    });
  }
}

/** The first request of a text once all of it is there. */
function wholeRequest(said: string): { readonly harm: string; readonly length: number } | null {
  const end = said.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const length = end + 4 + Number(/^content-length: (\d+)/im.exec(said.slice(0, end))?.[1] ?? 0);
  return said.length < length ? null : { harm: /^\w+ \/(\S*)/.exec(said)?.[1] ?? '', length };
}
