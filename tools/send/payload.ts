/** The bytes of the events to send. They depend on the options alone, so the same command with the same key is the same event. */
import { readFile } from 'node:fs/promises';
import type { ToolContext } from '../cli/context.ts';
import { usageError } from '../cli/tool-error.ts';
import { messageOf } from '../../src/runtime/errors.ts';

export type BodyOf = (index: number) => Buffer;

export interface PayloadOptions {
  readonly type: string | null;
  /** JSON text, `@file`, or `-` for stdin. */
  readonly data: string | null;
  readonly size: number | null;
}

const DEFAULT_TYPE = 'order.created';

/** A made-up event; with `size`, of exactly that many bytes. @throws ToolError (exit 2) when it is larger without any padding */
export function sampleBody(type: string, index: number, size: number | null = null): Buffer {
  const event = { type, data: { number: index + 1 } };
  if (size === null) return Buffer.from(JSON.stringify(event));
  const smallest = Buffer.byteLength(JSON.stringify({ ...event, padding: '' }));
  if (size < smallest) throw usageError(`--size: expected at least ${smallest} bytes for this event, got ${size}`);
  return Buffer.from(JSON.stringify({ ...event, padding: 'x'.repeat(size - smallest) }));
}

/** Given bytes are sent as they are, unless a type has to be put into them. */
export async function choosePayload({ type, data, size }: PayloadOptions, { readStdin }: Pick<ToolContext, 'readStdin'>): Promise<BodyOf> {
  if (data === null) {
    sampleBody(type ?? DEFAULT_TYPE, 0, size);
    return (index) => sampleBody(type ?? DEFAULT_TYPE, index, size);
  }
  if (size !== null) throw usageError('--size: expected without --data, which has a size of its own');
  const bytes = await readData(data, readStdin);
  const event = parseObject(bytes);
  const body = type === null ? bytes : Buffer.from(JSON.stringify({ ...event, type }));
  return () => body;
}

async function readData(data: string, readStdin: () => Promise<Buffer>): Promise<Buffer> {
  if (data === '-') return readStdin();
  if (!data.startsWith('@')) return Buffer.from(data);
  try {
    return await readFile(data.slice(1));
  } catch (error) {
    throw usageError(`--data: ${messageOf(error)}`);
  }
}

/** Told here because a quoting mistake in the shell is the usual cause, and the server cannot see that. */
function parseObject(bytes: Buffer): object {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw usageError(`--data: expected a JSON object, got something else: ${messageOf(error)}`);
  }
  throw usageError('--data: expected a JSON object, got another kind of JSON');
}
