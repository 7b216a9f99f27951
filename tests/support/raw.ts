/** Bytes over a socket, as no client would send them, and whatever comes back. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  /** All that came, as text. */
  readonly text: string;
  /** The status of each answer in it, in order. */
  readonly statuses: readonly number[];
  /** Whether the server has closed the connection. */
  readonly closed: boolean;
  readonly tookMs: number;
}

export interface RawOptions {
  /** Resolves once so many answers came; without it, once the connection is closed. */
  readonly answers?: number;
  readonly timeoutMs?: number;
  /** Called with the open socket after the bytes were written. */
  readonly then?: (socket: Socket) => void;
}

const statusesIn = (text: string): readonly number[] => [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status));

/** Never rejects: a connection that is cut is an answer too. */
export function raw(url: string, bytes: string | Uint8Array, { answers, timeoutMs = 30_000, then = () => undefined }: RawOptions = {}): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const startedAtMs = performance.now();
  const socket = connect(Number(port), hostname);
  let text = '';
  return new Promise((resolve) => {
    const finish = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, statuses: statusesIn(text), closed, tookMs: performance.now() - startedAtMs });
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    socket.on('error', () => undefined);
    socket.on('close', () => finish(true));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (answers !== undefined && statusesIn(text).length >= answers) finish(false);
    });
    socket.on('connect', () => {
      socket.write(bytes);
      then(socket);
    });
  });
}
