/** The raw bytes of a request, at most so many: refused by its announced length before a byte is read, or while it streams in. */
import { messageOf } from '../runtime/errors.ts';
import { Problem } from './problem.ts';

/** @throws Problem `body_too_large` or `incomplete_body` */
export async function readBody(request: Request, contentLength: string | undefined, maxBytes: number): Promise<Uint8Array> {
  refuseAnnouncedLength(contentLength, maxBytes);
  try {
    // Node holds a body to its announced length, so only one without needs counting.
    return contentLength === undefined ? await readCounting(request, maxBytes) : new Uint8Array(await request.arrayBuffer());
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('incomplete_body', `Expected the whole body, got a broken request: ${messageOf(error)}`);
  }
}

/** @throws Problem `body_too_large` */
export function refuseAnnouncedLength(contentLength: string | undefined, maxBytes: number): void {
  if (contentLength !== undefined && Number(contentLength) > maxBytes) throw tooLarge(maxBytes, `${contentLength} bytes`);
}

async function readCounting(request: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > maxBytes) throw tooLarge(maxBytes, 'more');
  }
  return Buffer.concat(chunks, length);
}

const tooLarge = (maxBytes: number, got: string): Problem => new Problem('body_too_large', `Expected at most ${maxBytes} bytes, got ${got}`);
