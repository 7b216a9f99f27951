/**
 * HTTP/1.1 on a bare socket, for the two ends of the bench: what they cost is taken from the system under test, which shares
 * the processors with them. It knows what the bench sends and gets, and no more: one message at a time, each with its length.
 */
export interface Message {
  /** Start line and headers. */
  readonly head: string;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const EMPTY = Buffer.alloc(0);

/** Puts the messages of one connection together from its chunks. */
export class MessageReader {
  #pending: Buffer = EMPTY;

  /** The message that this chunk completes, or null. @throws Error when a message has no length. */
  push(chunk: Buffer): Message | null {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = bytes;
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd === -1) return null;
    const head = bytes.toString('latin1', 0, headEnd);
    const start = headEnd + HEAD_END.length;
    const end = start + lengthOf(head);
    if (bytes.length < end) return null;
    this.#pending = bytes.subarray(end);
    return { head, body: bytes.subarray(start, end) };
  }
}

function lengthOf(head: string): number {
  const length = LENGTH.exec(head)?.[1];
  if (length === undefined) throw new Error(`Expected a message with a content-length, got ${head.slice(0, 200)}`);
  return Number(length);
}
