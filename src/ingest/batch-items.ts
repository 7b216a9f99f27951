/**
 * Many events in one body → the bytes of each: the elements of a JSON array, or the lines of NDJSON. Cut out of the body as they
 * came, never parsed and written again. Whether an item is an event is asked of each item by itself.
 */
import { Problem } from '../http/problem.ts';

export const MAX_ITEMS = 1_000;

const NDJSON = /^application\/(?:x-)?ndjson\s*(?:;|$)/i;
const [QUOTE, BACKSLASH, COMMA, NEWLINE] = [0x22, 0x5c, 0x2c, 0x0a];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

export const BATCH_TYPES = { pattern: /^application\/(?:(?:[\w.-]+\+)?json|(?:x-)?ndjson)\s*(?:;|$)/i, words: 'application/json (an array) or application/x-ndjson (an event a line)' };

/** @throws Problem `invalid_json` when it is no array, `batch_size` when there are none or too many */
export function splitBatch(body: Uint8Array, contentType: string): readonly Uint8Array[] {
  const items = NDJSON.test(contentType) ? linesOf(body) : elementsOf(body);
  if (items.length === 0 || items.length > MAX_ITEMS) throw new Problem('batch_size', `Expected 1 to ${MAX_ITEMS} events, got ${items.length === 0 ? 'none' : 'more'}`);
  return items;
}

/** Blank lines are none. */
function linesOf(body: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < body.length && lines.length <= MAX_ITEMS; ) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline === -1 ? body.length : newline;
    const line = trimmed(body.subarray(start, end));
    if (line.length > 0) lines.push(line);
    start = end + 1;
  }
  return lines;
}

/** Looks at brackets and strings only: an element that is no JSON is found when it is read as an event. */
function elementsOf(body: Uint8Array): readonly Uint8Array[] {
  const array = trimmed(body);
  if (array[0] !== OPEN_ARRAY) throw new Problem('invalid_json', 'Expected an array of events, got something that does not begin with [');
  const elements: Uint8Array[] = [];
  let [depth, start] = [0, 1];
  for (let index = 0; index < array.length && elements.length <= MAX_ITEMS; index += 1) {
    const byte = array[index];
    if (byte === QUOTE) index = endOfString(array, index);
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth += 1;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth -= 1;
    const isEnd = depth === 0;
    if (!isEnd && !(depth === 1 && byte === COMMA)) continue;
    elements.push(trimmed(array.subarray(start, index)));
    start = index + 1;
    if (isEnd) return closed(array, index, elements);
  }
  if (elements.length > MAX_ITEMS) return elements;
  throw new Problem('invalid_json', 'Expected an array of events, got one that is not closed');
}

/** `[]` has no elements, not one that is empty. */
function closed(array: Uint8Array, end: number, elements: readonly Uint8Array[]): readonly Uint8Array[] {
  if (end !== array.length - 1) throw new Problem('invalid_json', `Expected nothing after the array, got ${array.length - 1 - end} bytes`);
  return elements.length === 1 && elements[0]?.length === 0 ? [] : elements;
}

/** The index of its closing quote, or the end. */
function endOfString(bytes: Uint8Array, start: number): number {
  let index = start + 1;
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
  return index;
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;

function trimmed(bytes: Uint8Array): Uint8Array {
  let [start, end] = [0, bytes.length];
  while (start < end && isSpace(bytes[start])) start += 1;
  while (end > start && isSpace(bytes[end - 1])) end -= 1;
  return bytes.subarray(start, end);
}
