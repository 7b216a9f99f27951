/**
 * A payload filter: which events a target wants, by what is in their bodies. Data, not code: a tree of bounded size whose
 * leaves compare one value of the body with constants.
 *
 *   { "all": [filter, …] }   { "any": [filter, …] }   { "not": filter }
 *   { "path": "data.amount", "gte": 100 }             one of: eq ne in exists gt gte lt lte
 *
 * A path is keys joined by dots (`data.items.0.sku`); a backslash before a dot or a backslash makes it part of the key. In an
 * object a part is the name of one of its own properties; in an array it is an index, without sign or leading zeros. Where it
 * leads nowhere there is no value, and that is not null.
 *
 *   eq      the value is that string, number, boolean or null: same type, same value. No object equals anything
 *   ne      not eq, so it holds where there is no value too
 *   in      eq to one of the list
 *   exists  true: there is a value, null included; false: there is none
 *   gt gte lt lte   a number against a number, or a string against a string by its UTF-16 units (ISO dates sort so); else false
 *
 * Numbers are those of JavaScript: integers beyond 2^53 are compared as the nearest one that it has.
 */
export type Scalar = string | number | boolean | null;
export type Ordered = string | number;

export const COMPARISONS = ['gt', 'gte', 'lt', 'lte'] as const;
export type Comparison = (typeof COMPARISONS)[number];

export type Condition = { readonly path: string } & (
  | { readonly eq: Scalar }
  | { readonly ne: Scalar }
  | { readonly in: readonly Scalar[] }
  | { readonly exists: boolean }
  | { readonly gt: Ordered }
  | { readonly gte: Ordered }
  | { readonly lt: Ordered }
  | { readonly lte: Ordered }
);

export type PayloadFilter = { readonly all: readonly PayloadFilter[] } | { readonly any: readonly PayloadFilter[] } | { readonly not: PayloadFilter } | Condition;

/** Whether a parsed body is as a filter wants it. */
export type Accepts = (body: unknown) => boolean;

/** Reads the paths once, so that an event costs only the walk along them. */
export function compileFilter(filter: PayloadFilter): Accepts {
  if ('all' in filter) {
    const parts = filter.all.map(compileFilter);
    return (body) => parts.every((accepts) => accepts(body));
  }
  if ('any' in filter) {
    const parts = filter.any.map(compileFilter);
    return (body) => parts.some((accepts) => accepts(body));
  }
  if ('not' in filter) {
    const part = compileFilter(filter.not);
    return (body) => !part(body);
  }
  const [path, holds] = [splitPath(filter.path) ?? [], compileCondition(filter)];
  return (body) => holds(valueAt(body, path));
}

/** What is there when nothing is: no JSON value is this one. */
const NOTHING = undefined;

function compileCondition(condition: Condition): (value: unknown) => boolean {
  if ('eq' in condition) return (value) => value === condition.eq;
  if ('ne' in condition) return (value) => value !== condition.ne;
  if ('exists' in condition) return (value) => (value !== NOTHING) === condition.exists;
  if ('in' in condition) {
    const list = new Set<unknown>(condition.in);
    return (value) => list.has(value);
  }
  if ('gt' in condition) return ordered(condition.gt, (value, bound) => value > bound);
  if ('gte' in condition) return ordered(condition.gte, (value, bound) => value >= bound);
  if ('lt' in condition) return ordered(condition.lt, (value, bound) => value < bound);
  return ordered(condition.lte, (value, bound) => value <= bound);
}

const ordered = (bound: Ordered, holds: (value: Ordered, bound: Ordered) => boolean) => (value: unknown): boolean =>
  (typeof value === 'string' || typeof value === 'number') && typeof value === typeof bound && holds(value, bound);

const INDEX = /^(0|[1-9]\d{0,9})$/;

/** Own properties only: what an object inherits is nothing that somebody sent. */
function valueAt(body: unknown, path: readonly string[]): unknown {
  let value = body;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return NOTHING;
    if (!Object.hasOwn(value, part) || (Array.isArray(value) && !INDEX.test(part))) return NOTHING;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}

/** The parts of a path; null when it has an empty one or ends in a backslash. */
export function splitPath(text: string): readonly string[] | null {
  const parts: string[] = [];
  let part = '';
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === '.') {
      parts.push(part);
      part = '';
    } else if (character !== '\\') part += character;
    else if ((index += 1) < text.length) part += text.charAt(index);
    else return null;
  }
  parts.push(part);
  return parts.includes('') ? null : parts;
}
