/**
 * Requests that nobody means well, as bytes: each is to be refused or cut off, none of them may be a fault of ours. Sent by the
 * hundred thousand they must leave nothing behind.
 */
import { connect } from 'node:net';
import type { Random } from '../src/runtime/random.ts';

export interface Hostile {
  readonly name: string;
  readonly bytes: (random: Random) => string;
}

const INGEST = '/api/v1/webhooks/ingest';
const head = (more: string, path: string = INGEST): string => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}`;
const token = (random: Random): string => Math.floor(random() * 2 ** 48).toString(36);
const hex = (random: Random): string => Array.from({ length: 64 }, () => Math.floor(random() * 16).toString(16)).join('');
const nowS = (): number => Math.floor(Date.now() / 1_000);
/** Well-formed headers that no secret has made. */
const forged = (random: Random): string => `X-Timestamp: ${nowS()}\r\nX-Idempotency-Key: ${token(random)}\r\nX-Signature: ${hex(random)}\r\n`;
const closing = (body: string): string => `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;

export const HOSTILE: readonly Hostile[] = [
  { name: 'a forged signature', bytes: (random) => head(`${forged(random)}${closing(`{"n":"${token(random)}"}`)}`) },
  { name: 'an unknown source', bytes: (random) => head(`${forged(random)}${closing('{}')}`, `${INGEST}/${token(random)}`) },
  { name: 'an unknown path', bytes: (random) => head(closing('{}'), `/${token(random)}/${token(random)}`) },
  { name: 'no signature', bytes: () => head(closing('{}')) },
  { name: 'a body of 64 KiB without a right signature', bytes: (random) => head(`${forged(random)}${closing(`{"n":"${token(random).repeat(6_000)}"}`)}`) },
  { name: 'a forged source of an address', bytes: (random) => head(`X-Forwarded-For: ${Array.from({ length: 4 }, () => Math.floor(random() * 256)).join('.')}\r\n${forged(random)}${closing('{}')}`) },
  { name: 'an announced gigabyte', bytes: () => head('Content-Length: 1073741824\r\nConnection: close\r\n\r\n') },
  { name: 'two lengths', bytes: () => head('Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}') },
  { name: 'a length and chunks', bytes: () => head('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n') },
  { name: 'a length that is none', bytes: () => head('Content-Length: +2\r\n\r\n{}') },
  { name: 'headers over 16 KiB', bytes: (random) => head(`X-Long: ${token(random).repeat(3_000)}\r\n\r\n`) },
  { name: 'a NUL in a header', bytes: () => head('X-Odd: a\0b\r\n\r\n') },
  { name: 'no HTTP', bytes: (random) => `${token(random)}\r\n\r\n` },
  { name: 'a TLS greeting', bytes: () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' },
  { name: 'a chunk without end', bytes: () => head('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nfffffffffffffffff\r\n') },
];

export interface Barrage {
  readonly url: string;
  readonly count: number;
  readonly concurrency: number;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

export interface BarrageResult {
  /** By status; `cut` for those that were closed without one. */
  readonly answers: ReadonlyMap<string, number>;
}

const PATIENCE_MS = 20_000;

/** Every kind in turn, each over a connection of its own. */
export async function barrage({ url, count, concurrency, random, signal }: Barrage): Promise<BarrageResult> {
  const answers = new Map<string, number>();
  let sent = 0;
  async function sender(): Promise<void> {
    while (sent < count && signal?.aborted !== true) {
      const kind = HOSTILE[sent % HOSTILE.length];
      sent += 1;
      if (kind === undefined) return;
      const answer = await statusOf(url, kind.bytes(random));
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  }
  await Promise.all(Array.from({ length: concurrency }, sender));
  return { answers };
}

/** The status, `cut`, or `silent` when nothing came in time. */
function statusOf(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  return new Promise((resolve) => {
    const finish = (answer: string): void => {
      clearTimeout(timer);
      // A reset leaves no port behind in TIME_WAIT; there are only so many.
      socket.resetAndDestroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish('silent'), PATIENCE_MS);
    socket.on('error', () => finish('cut'));
    socket.on('close', () => finish('cut'));
    socket.once('data', (chunk: Buffer) => finish(/^HTTP\/1\.1 (\d{3})/.exec(chunk.toString('latin1'))?.[1] ?? 'other'));
    socket.write(bytes, 'latin1');
  });
}
