/** The JSON of sources: what is taken, what is answered, and the schemas that say so. */
import { PRESETS, type Source } from '../domain/source.ts';
import type { JsonSchema } from '../http/operation.ts';

const HEADER_NAME: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9-]{1,64}$' };
const PREFIX: JsonSchema = { type: 'string', pattern: '^[\\x21-\\x2b\\x2d-\\x7e]{0,32}$' };

const closed = (properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = Object.keys(properties)): JsonSchema => ({ type: 'object', additionalProperties: false, required, properties });

const PLACE: JsonSchema = {
  type: ['object', 'null'],
  oneOf: [
    { type: 'null' },
    closed({ in: { const: 'header' }, name: HEADER_NAME }),
    closed({ in: { const: 'body' }, path: { type: 'string', maxLength: 255, pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+){0,7}$' } }),
  ],
};

const SCHEME: JsonSchema = {
  type: 'object',
  oneOf: [
    closed({ kind: { enum: ['hooktail', 'standard-webhooks', ...PRESETS] } }),
    closed({
      kind: { const: 'hmac-body' },
      header: HEADER_NAME,
      prefix: PREFIX,
      encoding: { enum: ['hex', 'base64'] },
      content: { type: 'string', pattern: '^[\\x21-\\x7e]{1,100}$', description: 'What is signed, with {body} and {timestamp} where they stand' },
      timestamp: { type: ['object', 'null'], oneOf: [{ type: 'null' }, closed({ header: HEADER_NAME, prefix: PREFIX })] },
    }),
  ],
};

export const MOST_SECRETS = 5;

/** Bytes of a body that describes a source: its schema may have 64 KiB by itself. */
export const MAX_SOURCE_BYTES = 131_072;

const FIELDS: Readonly<Record<string, JsonSchema>> = {
  scheme: SCHEME,
  secrets: { type: 'array', minItems: 1, maxItems: MOST_SECRETS, uniqueItems: true, items: { type: 'string', minLength: 8, maxLength: 256 }, description: 'Newest first' },
  idempotency: PLACE,
  eventType: PLACE,
  schema: { type: ['object', 'null'] },
  limits: closed({ ratePerSecond: { type: 'number', minimum: 0, maximum: 1_000_000 }, burst: { type: 'integer', minimum: 0, maximum: 1_000_000 } }),
  maxBodyBytes: { type: ['integer', 'null'], minimum: 1, maximum: 8_388_608 },
  description: { type: 'string', maxLength: 1_000 },
};

export const NEW_SOURCE: JsonSchema = closed({ name: { type: 'string', pattern: '^[a-z0-9-]{1,40}$' }, ...FIELDS }, ['name', 'scheme']);

/** Whatever is named replaces what there was, as a whole. `addSecret` makes a new one beside those there are. */
export const SOURCE_CHANGE: JsonSchema = { ...closed({ ...FIELDS, addSecret: { const: true } }, []), minProperties: 1 };

export type SourceFields = Pick<Source, 'scheme' | 'secrets' | 'idempotency' | 'eventType' | 'schema' | 'limits' | 'maxBodyBytes' | 'description'>;
export type NewSource = Pick<Source, 'name' | 'scheme'> & Partial<SourceFields>;
export type SourceChange = Partial<SourceFields> & { readonly addSecret?: true };

const { secrets: _, ...SHOWN } = FIELDS;

export const SOURCE: JsonSchema = {
  type: 'object', required: ['name', 'path', 'secretCount', 'version', 'createdAt'],
  properties: {
    name: { type: 'string' }, path: { type: 'string' }, ...SHOWN, secretCount: { type: 'integer' }, version: { type: 'integer' }, createdAt: { type: 'string' },
    secrets: { type: 'array', items: { type: 'string' }, description: 'Those that were made by this request; never shown again' },
  },
};

export const SOURCE_PAGE: JsonSchema = { type: 'object', required: ['sources', 'after'], properties: { sources: { type: 'array', items: SOURCE }, after: { type: ['string', 'null'] } } };

/** A source as it may be shown; `made` are the secrets that nobody has seen yet. */
export function showSource({ secrets, name, ...source }: Source, made: readonly string[] = []): Readonly<Record<string, unknown>> {
  return { name, path: `/api/v1/webhooks/ingest/${name}`, ...source, secretCount: secrets.length, ...(made.length === 0 ? {} : { secrets: made }) };
}
