/**
 * What is asked of an event's body: UTF-8, one JSON object, not absurdly nested. It is looked at for its type only, and kept
 * and forwarded as the bytes it came in: parsing and writing again would round integers, merge keys and lose lone surrogates.
 */
import { isUtf8 } from 'node:buffer';
import { compileSchema } from '../runtime/schema.ts';
import { locateJsonFault } from '../http/json-fault.ts';
import { Problem } from '../http/problem.ts';

const MAX_DEPTH = 64;
const MAX_KEYS = 10_000;
export const MAX_TYPE_CHARACTERS = 255;

const ANY = ['string', 'number', 'boolean', 'object', 'array', 'null'] as const;
const typeField = { type: ANY, maxLength: MAX_TYPE_CHARACTERS };

const checkEnvelope = compileSchema<Record<string, unknown>>({
  type: 'object',
  properties: { type: typeField, data: { type: ANY, properties: { event_type: typeField } } },
});

/** The event's type, or null when the body names none. @throws Problem when the body is not an acceptable event. */
export const readEventType = (body: Uint8Array): string | null => envelopeType(parseBody(body));

/** What a body means, once it is known to be harmless. @throws Problem `invalid_utf8`, `json_too_complex` or `invalid_json` */
export function parseBody(body: Uint8Array): unknown {
  if (!isUtf8(body)) throw new Problem('invalid_utf8', 'Expected UTF-8, got bytes that are not');
  checkComplexity(body);
  return parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
}

/** The type as it stands in `type`, else in `data.event_type`. @throws Problem `schema_mismatch` */
export function envelopeType(value: unknown): string | null {
  const checked = checkEnvelope(value);
  if (!checked.ok) throw new Problem('schema_mismatch', `Expected a JSON object whose type, if it names one, has at most ${MAX_TYPE_CHARACTERS} characters`, { errors: checked.faults });
  const { type, data } = checked.value;
  if (typeof type === 'string' && type !== '') return type;
  const nested: unknown = isRecord(data) ? data['event_type'] : undefined;
  return typeof nested === 'string' && nested !== '' ? nested : null;
}

export const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // V8's own message may repeat the content, so the place is found without it.
    throw new Problem('invalid_json', `Expected JSON, got a fault at character ${locateJsonFault(text)}`);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Counts depth and keys on the bytes, before any parser builds something from them. @throws Problem `json_too_complex` */
function checkComplexity(body: Uint8Array): void {
  let depth = 0;
  let keys = 0;
  for (let index = 0, inString = false; index < body.length; index += 1) {
    const byte = body[index];
    if (byte === QUOTE) inString = !inString;
    else if (inString) index += Number(byte === BACKSLASH);
    else if (byte === 0x7b || byte === 0x5b) depth += 1;
    else if (byte === 0x7d || byte === 0x5d) depth -= 1;
    else if (byte === COLON) keys += 1;
    if (depth > MAX_DEPTH) throw new Problem('json_too_complex', `Expected at most ${MAX_DEPTH} levels of nesting, got more`);
    if (keys > MAX_KEYS) throw new Problem('json_too_complex', `Expected at most ${MAX_KEYS} keys, got more`);
  }
}
