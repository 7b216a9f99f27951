/** One kept connection of the generator: a request, then its answer. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { MessageReader, type Message } from './wire.ts';

interface Waiting {
  readonly resolve: (message: Message) => void;
  readonly reject: (error: Error) => void;
}

export class Line {
  readonly #socket: Socket;
  readonly #reader = new MessageReader();
  #waiting: Waiting | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('Expected an answer, got a closed connection')));
  }

  static async open(url: string): Promise<Line> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    return new Line(socket);
  }

  /** One at a time. Rejects when the connection ends instead of an answer, or has ended before. */
  ask(request: Buffer): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) throw new Error('Expected an open connection, got one that was closed while it was idle');
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const message = this.#reader.push(chunk);
    if (message !== null) this.#waiting?.resolve(message);
  }
}
