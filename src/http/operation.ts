/**
 * What a route says about itself: who may call it, what it takes and what it answers. One description checks requests and makes
 * `/openapi.json`, so the two cannot differ.
 */
import type { Context } from 'hono';
import type { Scope } from '../domain/scope.ts';
import { compileSchema } from '../runtime/schema.ts';
import { readBody } from './body.ts';
import { Problem } from './problem.ts';

/** A JSON Schema (draft 7, the one of ajv's default) that is also one of OpenAPI 3.1. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly description: string;
  readonly schema?: JsonSchema;
  /** Of the body; JSON unless said otherwise. */
  readonly mediaType?: string;
}

export interface Operation {
  /** One line, as a heading. */
  readonly summary: string;
  /** What one line cannot say. */
  readonly description?: string;
  readonly tag: 'ingest' | 'events' | 'targets' | 'sources' | 'tokens' | 'audit' | 'system';
  /** Null: no token is asked for. */
  readonly scope: Scope | null;
  /** Whether the request must be signed by a sender of events. */
  readonly signed?: boolean;
  /** By name. Path parameters are told by the path. */
  readonly query?: Readonly<Record<string, JsonSchema>>;
  readonly headers?: Readonly<Record<string, JsonSchema>>;
  readonly body?: JsonSchema;
  /** Of the body; JSON unless said otherwise. */
  readonly bodyTypes?: readonly string[];
  /** By status; refusals that every route has are not repeated here. */
  readonly answers: Readonly<Record<number, Answer>>;
}

const MOST_BYTES = 65_536;

export interface JsonReaderOptions<T> {
  readonly mostBytes?: number;
  /** What no body at all stands for; without it there must be one. */
  readonly ifEmpty?: T;
}

/** Reads and checks JSON bodies of one shape. Compiled once, at start. */
export function createJsonReader<T>(schema: JsonSchema, { mostBytes = MOST_BYTES, ifEmpty }: JsonReaderOptions<T> = {}): (context: Context) => Promise<T> {
  const validate = compileSchema<T>(schema);
  return async (context) => {
    const bytes = await readBody(context.req.raw, context.req.header('content-length'), mostBytes);
    if (bytes.byteLength === 0 && ifEmpty !== undefined) return ifEmpty;
    const value = parse(bytes);
    const checked = validate(value);
    if (checked.ok) return checked.value;
    throw new Problem('schema_mismatch', 'Expected a body of the documented shape', { errors: checked.faults });
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Problem('invalid_json', 'Expected a JSON body, got something else');
  }
}
