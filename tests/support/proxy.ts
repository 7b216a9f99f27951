/**
 * A TCP proxy of our own between the driver and one MongoDB server, for the faults of a network: connections cut, refused,
 * slow, or dead without a word.
 *
 * Use it with `uriThrough`: `directConnection=true` keeps the driver from learning the server's own address, by which it would
 * go around the proxy. (The other way, a replica set formed with the proxy's address, would put the server's own traffic
 * through it too.) hello is answered as ever, so the programs find their replica set, and writes are retried as ever.
 *
 * A half-open connection keeps its sockets and forwards nothing; what is sent meanwhile waits in the sockets' buffers, and goes
 * on when it heals, as after a cable was plugged in again. Its ends are not told of each other's end either.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePorts } from '../../tools/local-mongo/ports.ts';

export interface ProxyOptions {
  /** The server's port on loopback. */
  readonly upstream: number;
}

export type Direction = 'both' | 'toServer' | 'toClient';

export interface HalfOpening {
  readonly direction?: Direction;
  /** Only the connection that the server sees coming from this port (`client` in $currentOp); else all, and all new ones. */
  readonly from?: number;
}

export interface Proxy {
  readonly port: number;
  /** How many connections are open now. */
  readonly connections: number;
  /** The ports from which the server sees them coming. */
  ports(): readonly number[];
  /** Resets every connection; answers how many there were. */
  cut(): number;
  /** New connections are refused; those there are go on. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  /** Each chunk arrives that much later, either way. */
  delay(ms: number): void;
  halfOpen(which?: HalfOpening): void;
  /** Everything flows again, at once, and new connections are taken. */
  heal(): Promise<void>;
  /** Ends it and every connection; safe twice. */
  stop(): Promise<void>;
}

/** The address of the one server behind the proxy. */
export const uriThrough = ({ port }: Proxy): string => `mongodb://127.0.0.1:${port}/?directConnection=true`;

const HOST = '127.0.0.1';

export async function createProxy({ upstream }: ProxyOptions): Promise<Proxy> {
  const [port = 0] = await freePorts(1);
  const links = new Set<Link>();
  let delayMs = 0;
  let silent: Direction | null = null;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const link = new Link({ client, upstream, delayMs: () => delayMs, onEnd: () => links.delete(link) });
    links.add(link);
    if (silent !== null) link.silence(silent);
  });
  const accept = (): Promise<void> => listen(server, port);
  await accept();

  return {
    port,
    get connections() {
      return links.size;
    },
    ports: () => [...links].flatMap(({ from }) => from ?? []),
    cut() {
      const count = links.size;
      for (const link of [...links]) link.reset();
      return count;
    },
    refuse: () => refuse(server),
    accept,
    delay(ms) {
      delayMs = ms;
    },
    halfOpen({ direction = 'both', from } = {}) {
      if (from === undefined) silent = direction;
      const chosen = [...links].filter((link) => from === undefined || link.from === from);
      if (chosen.length === 0 && from !== undefined) throw new Error(`Expected a connection from port ${from}, got none`);
      for (const link of chosen) link.silence(direction);
    },
    async heal() {
      delayMs = 0;
      silent = null;
      for (const link of links) link.heal();
      await accept();
    },
    async stop() {
      for (const link of [...links]) link.reset();
      await refuse(server);
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  if (server.listening) return;
  server.listen({ port, host: HOST });
  await once(server, 'listening');
}

/** Does not wait for the connections there are. */
function refuse(server: Server): Promise<void> {
  if (server.listening) server.close();
  return Promise.resolve();
}

interface LinkParts {
  readonly client: Socket;
  readonly upstream: number;
  readonly delayMs: () => number;
  readonly onEnd: () => void;
}

/** One connection through the proxy: two sockets, and what flows between them. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #toServer: Flow;
  readonly #toClient: Flow;

  constructor({ client, upstream, delayMs, onEnd }: LinkParts) {
    this.#client = client;
    this.#server = connect({ port: upstream, host: HOST, allowHalfOpen: true, noDelay: true });
    this.#toServer = new Flow(this.#client, this.#server, delayMs);
    this.#toClient = new Flow(this.#server, this.#client, delayMs);
    for (const [socket, other] of [[this.#client, this.#server], [this.#server, this.#client]] as const) {
      socket.on('error', () => undefined); // Followed by its close.
      socket.on('close', (hadError) => {
        if (hadError) reset(other);
        if (this.#client.destroyed && this.#server.destroyed) onEnd();
      });
    }
  }

  /** The port by which the server knows this connection. */
  get from(): number | undefined {
    return this.#server.localPort;
  }

  silence(direction: Direction): void {
    if (direction !== 'toClient') this.#toServer.stop();
    if (direction !== 'toServer') this.#toClient.stop();
  }

  heal(): void {
    this.#toServer.go();
    this.#toClient.go();
  }

  reset(): void {
    reset(this.#client);
    reset(this.#server);
  }
}

/**
 * RST, at once. `resetAndDestroy` ends the writing side first, and when the other side's reset comes in between, Node 20 leaks the
 * socket and spins at the end of the process: so this sets the mark that it sets, and leaves the ending out.
 */
function reset(socket: Socket): void {
  if (!socket.destroyed && !socket.connecting && !socket.writableEnded) Object.assign(socket, { resetAndClosing: true });
  socket.destroy();
}

/** Bytes from one socket to the other, in order, each chunk late by what the delay was when it came. */
class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayMs: () => number;
  /** Settles once all that came so far has been passed on. */
  #passed: Promise<void> = Promise.resolve();
  #stopped = false;
  #goOn: () => void = () => undefined;
  #open: Promise<void> = Promise.resolve();

  constructor(from: Socket, to: Socket, delayMs: () => number) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
    from.on('data', (chunk: Buffer) => this.#later(() => void to.write(chunk)));
    from.on('end', () => this.#later(() => void to.end()));
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#open = new Promise((resolve) => (this.#goOn = resolve));
    this.#from.pause();
  }

  go(): void {
    this.#stopped = false;
    this.#goOn();
    this.#from.resume();
  }

  /** What is under way when the flow is stopped waits with the rest. */
  #later(pass: () => void): void {
    const dueAt = performance.now() + this.#delayMs();
    this.#passed = this.#passed.then(async () => {
      await timeUntil(dueAt);
      await this.#open;
      if (!this.#to.destroyed) pass();
    });
  }
}

function timeUntil(dueAt: number): Promise<void> {
  const leftMs = dueAt - performance.now();
  return leftMs <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, leftMs).unref());
}
