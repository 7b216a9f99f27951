/**
 * Some JSON → a payload filter, or where it is none and why. Bounded, so that no target can make its events dear: what is
 * accepted costs at most as many comparisons as it has conditions. Builds the filter anew from what it knows.
 */
import { COMPARISONS, splitPath, type Condition, type PayloadFilter, type Scalar } from './filter.ts';

export const FILTER_LIMITS = { depth: 8, nodes: 64, listed: 100, pathCharacters: 256, pathParts: 16, stringCharacters: 1_024 } as const;

export interface FieldFault {
  /** JSON Pointer (RFC 6901), from where the value stands. */
  readonly pointer: string;
  readonly message: string;
}

export type FilterReading = { readonly ok: true; readonly filter: PayloadFilter } | { readonly ok: false; readonly fault: FieldFault };

class Unreadable extends Error {
  readonly fault: FieldFault;

  constructor(pointer: string, message: string) {
    super(message);
    this.fault = { pointer, message };
  }
}

/** @param pointer where the filter stands in the document that it came in */
export function readFilter(value: unknown, pointer = ''): FilterReading {
  const budget = { nodes: FILTER_LIMITS.nodes };
  try {
    return { ok: true, filter: readNode(value, pointer, 1, budget) };
  } catch (error) {
    if (error instanceof Unreadable) return { ok: false, fault: error.fault };
    throw error;
  }
}

interface Budget {
  nodes: number;
}

function readNode(value: unknown, at: string, depth: number, budget: Budget): PayloadFilter {
  budget.nodes -= 1;
  if (budget.nodes < 0) throw new Unreadable(at, `Expected at most ${FILTER_LIMITS.nodes} filters and conditions in all, got more`);
  if (depth > FILTER_LIMITS.depth) throw new Unreadable(at, `Expected at most ${FILTER_LIMITS.depth} levels, got more`);
  const fields = fieldsOf(value, at);
  if (Object.hasOwn(fields, 'path')) return readCondition(fields, at);
  const [name, ...more] = Object.keys(fields);
  if (more.length > 0 || (name !== 'all' && name !== 'any' && name !== 'not')) throw new Unreadable(at, 'Expected either all, any or not alone, or a path with one operator');
  if (name === 'not') return { not: readNode(fields['not'], `${at}/not`, depth + 1, budget) };
  const parts = readParts(fields[name], `${at}/${name}`, depth, budget);
  return name === 'all' ? { all: parts } : { any: parts };
}

function readParts(value: unknown, at: string, depth: number, budget: Budget): readonly PayloadFilter[] {
  if (!Array.isArray(value) || value.length === 0) throw new Unreadable(at, 'Expected a list of one filter or more');
  return value.map((part, index) => readNode(part, `${at}/${index}`, depth + 1, budget));
}

function readCondition({ path, ...rest }: Readonly<Record<string, unknown>>, at: string): Condition {
  const [operator, ...more] = Object.keys(rest);
  if (operator === undefined || more.length > 0) throw new Unreadable(at, 'Expected a path with exactly one operator: eq, ne, in, exists, gt, gte, lt or lte');
  return { path: readPath(path, `${at}/path`), ...readOperator(operator, rest[operator], `${at}/${operator.replaceAll('~', '~0').replaceAll('/', '~1')}`) } as Condition;
}

function readPath(value: unknown, at: string): string {
  const parts = typeof value === 'string' && value.length <= FILTER_LIMITS.pathCharacters && value.isWellFormed() ? splitPath(value) : null;
  if (parts !== null && parts.length <= FILTER_LIMITS.pathParts) return value as string;
  throw new Unreadable(at, `Expected 1 to ${FILTER_LIMITS.pathParts} keys or indexes joined by dots, in at most ${FILTER_LIMITS.pathCharacters} characters`);
}

function readOperator(operator: string, value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (operator === 'eq' || operator === 'ne') return { [operator]: readScalar(value, at) };
  if (operator === 'in') return { in: readList(value, at) };
  if (operator === 'exists') {
    if (typeof value === 'boolean') return { exists: value };
    throw new Unreadable(at, 'Expected true or false');
  }
  if (!COMPARISONS.some((known) => known === operator)) throw new Unreadable(at, 'Expected one of the operators eq, ne, in, exists, gt, gte, lt, lte');
  const bound = readScalar(value, at);
  if (typeof bound === 'string' || typeof bound === 'number') return { [operator]: bound };
  throw new Unreadable(at, 'Expected a number or a string to compare with');
}

function readList(value: unknown, at: string): readonly Scalar[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > FILTER_LIMITS.listed) throw new Unreadable(at, `Expected a list of 1 to ${FILTER_LIMITS.listed} values`);
  return value.map((item, index) => readScalar(item, `${at}/${index}`));
}

/** What JSON has besides objects and arrays, and MongoDB keeps as it is. */
function readScalar(value: unknown, at: string): Scalar {
  if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
  if (typeof value === 'string' && value.length <= FILTER_LIMITS.stringCharacters && value.isWellFormed()) return value;
  throw new Unreadable(at, `Expected null, a boolean, a finite number, or a string of at most ${FILTER_LIMITS.stringCharacters} characters`);
}

function fieldsOf(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  throw new Unreadable(at, 'Expected an object: a filter or a condition');
}
