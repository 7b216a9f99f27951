/**
 * What is kept of values that a record or a log line shows: names always, secrets never. By name, for fields that hold secrets; by
 * look, for texts that are secrets wherever they stand; and all values of headers, since anything may be in one.
 */
import { scrubSecrets } from './errors.ts';

const MASK = '***';
const SECRET_NAME = /secret|token|password|authorization|signature|cookie|private|credential|api[-_]?key/i;
const HEADERS_NAME = /headers$/i;
/** Deeper than anything we record. */
const DEEPEST = 8;

export const masked = (values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => maskFields(values, 0);

function maskFields(values: object, depth: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, maskNamed(name, value as unknown, depth)]));
}

function maskNamed(name: string, value: unknown, depth: number): unknown {
  if (value === null || typeof value === 'boolean') return value;
  if (HEADERS_NAME.test(name)) return maskTexts(value, depth);
  // An id of a secret tells which one it is, and nothing of it.
  return SECRET_NAME.test(name) && !/ids?$/i.test(name) ? maskTexts(value, depth) : maskValue(value, depth);
}

function maskValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrubSecrets(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth >= DEEPEST) return MASK;
  return Array.isArray(value) ? value.map((item) => maskValue(item, depth + 1)) : maskFields(value, depth + 1);
}

/** Every text in it, with the names and places that stay. */
function maskTexts(value: unknown, depth: number): unknown {
  if (value === null || typeof value === 'boolean' || value instanceof Date) return value;
  if (typeof value !== 'object' || depth >= DEEPEST) return MASK;
  return Array.isArray(value) ? value.map((item) => maskTexts(item, depth + 1)) : Object.fromEntries(Object.entries(value).map(([name, item]) => [name, maskTexts(item as unknown, depth + 1)]));
}
