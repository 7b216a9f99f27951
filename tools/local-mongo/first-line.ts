/**
 * The first line a small helper process prints: a pid, or a folder. After it the helper is left to itself and does not keep us alive.
 */
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { bounded } from './wait.ts';

type Helper = ChildProcessByStdio<Writable, Readable, null>;

export async function firstLine(child: Helper, what: string): Promise<string> {
  const lines = createInterface({ input: child.stdout });
  const failed = once(child, 'error').then(([error]) => { throw new Error(`Cannot start /bin/sh for ${what}`, { cause: error }); });
  const line = once(lines, 'line').then(([text]) => String(text));
  const ended = once(lines, 'close').then(() => { throw new Error(`The helper ended before it named ${what}`); });
  try {
    return await bounded(Promise.race([failed, line, ended]), { what, timeoutMs: 10_000, signal: undefined });
  } finally {
    for (const unused of [failed, line, ended]) unused.catch(() => undefined);
    lines.close();
    for (const stream of [child.stdin, child.stdout]) if (stream instanceof Socket) stream.unref();
  }
}
