/**
 * What a JSON Schema that a user gives may hold, judged before anything is made of it. What is left can neither run for long nor
 * reach outside: no regular expressions, no references but to its own definitions and never in a circle, no comparing of
 * all items with each other. So checking a body costs at most its size times the schema's, told here as `MAX_VALUES`.
 */
import type { SchemaFault } from '../schema.ts';

export const MAX_SCHEMA_BYTES = 65_536;
/** Of schemas within schemas. */
const MAX_DEPTH = 16;
/** Of a value inside `const`, `enum`, `default` or `examples`. */
const MAX_VALUE_DEPTH = 16;
/** Values of the whole schema, each reference counted as what it stands for. */
const MAX_VALUES = 5_000;

const REFUSED: Readonly<Record<string, string>> = {
  pattern: 'a regular expression can take for ever',
  patternProperties: 'a regular expression can take for ever',
  format: 'formats are regular expressions, which can take for ever',
  formatMinimum: 'formats are not known here',
  formatMaximum: 'formats are not known here',
  $async: 'checking must not wait',
  $id: 'a schema stands for itself',
  id: 'a schema stands for itself',
  $anchor: 'only #/definitions/… and #/$defs/… can be referred to',
  $dynamicRef: 'only $ref is known',
  $dynamicAnchor: 'only $ref is known',
  $recursiveRef: 'only $ref is known',
  $recursiveAnchor: 'only $ref is known',
};

/** Keyword → how schemas stand in its value. Whatever is named in none of these lists is a plain value. */
const ONE = new Set(['additionalItems', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains', 'propertyNames']);
const MANY = new Set(['allOf', 'anyOf', 'oneOf']);
const NAMED = new Set(['properties', 'definitions', '$defs', 'dependencies']);

const SCALARS: readonly unknown[] = ['string', 'number', 'integer', 'boolean', 'null'];
const DEFINITION = /^#\/(definitions|\$defs)\/([^/~%]+)$/;

type Json = Readonly<Record<string, unknown>>;

class Refusal extends Error {
  readonly fault: SchemaFault;

  constructor(pointer: string, message: string) {
    super(message);
    this.fault = { pointer, message };
  }
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with a schema, or null. */
export function schemaFault(schema: Json): SchemaFault | null {
  try {
    createWalk(schema)(schema, '', 1);
    // Only now, since writing a value that nests without end would end badly.
    const bytes = Buffer.byteLength(JSON.stringify(schema));
    return bytes <= MAX_SCHEMA_BYTES ? null : { pointer: '', message: `must have at most ${MAX_SCHEMA_BYTES} bytes, has ${bytes}` };
  } catch (error) {
    if (error instanceof Refusal) return error.fault;
    throw error;
  }
}

/** Answers how many values a schema stands for. @throws Refusal */
function createWalk(root: Json): (schema: unknown, pointer: string, depth: number) => number {
  const known = new Map<string, number | 'open'>();

  function schemaAt(schema: unknown, pointer: string, depth: number): number {
    if (depth > MAX_DEPTH) throw new Refusal(pointer, `must nest at most ${MAX_DEPTH} schemas`);
    if (!isJson(schema)) return 1;
    refuseComparingAll(schema, pointer);
    let values = 1;
    for (const [keyword, value] of Object.entries(schema)) {
      values += keywordAt(keyword, value, `${pointer}/${keyword}`, depth);
      if (values > MAX_VALUES) throw new Refusal(pointer, `must stand for at most ${MAX_VALUES} values`);
    }
    return values;
  }

  function keywordAt(keyword: string, value: unknown, pointer: string, depth: number): number {
    if (Object.hasOwn(REFUSED, keyword)) throw new Refusal(pointer, `must not be there: ${REFUSED[keyword] ?? ''}`);
    if (keyword === '$ref') return referenceAt(value, pointer, depth);
    if (ONE.has(keyword) || (keyword === 'items' && !Array.isArray(value))) return schemaAt(value, pointer, depth + 1);
    if ((MANY.has(keyword) || keyword === 'items') && Array.isArray(value)) return sum(value.map((schema, index) => schemaAt(schema, `${pointer}/${index}`, depth + 1)));
    if (NAMED.has(keyword) && isJson(value)) return sum(Object.entries(value).map(([name, schema]) => 1 + schemaAt(schema, `${pointer}/${name}`, depth + 1)));
    return valuesIn(value, pointer, 1);
  }

  /** Counted once for each definition, so that a chain that doubles at each step is found out by adding, not by walking it. */
  function referenceAt(value: unknown, pointer: string, depth: number): number {
    const [, list, name] = (typeof value === 'string' ? DEFINITION.exec(value) : null) ?? [];
    if (list === undefined || name === undefined) throw new Refusal(pointer, 'must be #/definitions/<name> or #/$defs/<name>');
    const definitions = root[list];
    if (!isJson(definitions) || !Object.hasOwn(definitions, name)) throw new Refusal(pointer, 'must name a definition that is there');
    const key = `${list}/${name}`;
    const counted = known.get(key);
    if (counted === 'open') throw new Refusal(pointer, 'must not refer to itself, by whatever way round');
    if (counted !== undefined) return counted;
    known.set(key, 'open');
    const values = schemaAt(definitions[name], `/${key}`, depth + 1);
    known.set(key, values);
    return values;
  }

  return schemaAt;
}

/** Of items that are objects or lists, each would be compared with each other one. */
function refuseComparingAll({ uniqueItems, items }: Json, pointer: string): void {
  if (uniqueItems !== true) return;
  const types = isJson(items) ? [items['type']].flat() : [];
  if (types.length > 0 && types.every((type) => SCALARS.includes(type))) return;
  throw new Refusal(`${pointer}/uniqueItems`, 'must stand beside items whose type is string, number, integer, boolean or null');
}

function valuesIn(value: unknown, pointer: string, depth: number): number {
  if (typeof value !== 'object' || value === null) return 1;
  if (depth > MAX_VALUE_DEPTH) throw new Refusal(pointer, `must nest at most ${MAX_VALUE_DEPTH} levels`);
  return 1 + sum(Object.values(value).map((inner) => valuesIn(inner, pointer, depth + 1)));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
