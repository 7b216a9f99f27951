/**
 * `/openapi.json`: the OpenAPI 3.1 document of all routes, made from what each says about itself (operation.ts). Refusals are the same
 * everywhere, so they are described once, by status, and referred to: which of them a route can give follows from what it takes.
 */
import { ABOUT } from '../runtime/about.ts';
import type { Route } from './app.ts';
import type { Answer, JsonSchema, Operation } from './operation.ts';
import { PROBLEM_TYPE, PROBLEM_CODES, type ProblemCode } from './problem.ts';

type Json = Readonly<Record<string, unknown>>;

/** By the time a route is reached, or instead of it. */
const OF_EVERY_REQUEST = [400, 408, 429, 431, 500, 503];
const OF_BODIES = [413, 415, 422];

export function openApiOf(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) (paths[templateOf(route.path)] ??= {})[route.method.toLowerCase()] = describe(route);
  const used = routes.flatMap((route) => refusalsOf(route));
  return {
    openapi: '3.1.0',
    info: { title: ABOUT.name, version: ABOUT.version, summary: ABOUT.description, license: { name: ABOUT.license, identifier: ABOUT.license } },
    tags: [...new Set(routes.map(({ operation }) => operation.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Problem: PROBLEM },
      responses: Object.fromEntries([...new Set(used)].sort((a, b) => a - b).map((status) => [refusalName(status), refusal(status)])),
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

const SECURITY_SCHEMES: Json = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A token with the scope that the operation names. Not asked for on loopback while there is none' },
  signature: { type: 'apiKey', in: 'header', name: 'X-Signature', description: 'Hex HMAC-SHA256 over timestamp.key.body, of the raw body, with X-Timestamp and X-Idempotency-Key beside it' },
  standardWebhooks: { type: 'apiKey', in: 'header', name: 'webhook-signature', description: 'Standard Webhooks v1, with webhook-id and webhook-timestamp beside it' },
};

/** RFC 9457, with our code. */
const PROBLEM: JsonSchema = {
  type: 'object', required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { const: 'about:blank' }, title: { type: 'string' }, status: { type: 'integer', minimum: 400, maximum: 599 }, detail: { type: 'string' },
    code: { enum: PROBLEM_CODES.map(({ code }) => code), description: 'Stable, for programs' },
    errors: { type: 'array', items: { type: 'object', required: ['pointer', 'message'], properties: { pointer: { type: 'string', description: 'JSON Pointer to the value at fault' }, message: { type: 'string' } } } },
  },
};

/** `/a/:id` as `/a/{id}`. */
const templateOf = (path: string): string => path.replace(/:(\w+)/g, '{$1}');
const namesIn = (path: string): readonly string[] => [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);

function describe({ method, path, operation }: Route): Json {
  const { summary, tag, body, bodyTypes = ['application/json'], answers } = operation;
  const parameters = parametersOf(path, operation);
  return {
    operationId: operationIdOf(method, path), summary, tags: [tag],
    ...(operation.description === undefined ? {} : { description: operation.description }),
    security: securityOf(operation),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: Object.fromEntries(bodyTypes.map((type) => [type, { schema: type.endsWith('ndjson') ? { type: 'string' } : body }])) } }),
    responses: { ...Object.fromEntries(refusalsOf({ path, operation }).map((status) => [status, { $ref: `#/components/responses/${refusalName(status)}` }])), ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, response(Number(status), answer)])) },
  };
}

const operationIdOf = (method: string, path: string): string =>
  method.toLowerCase() + path.replace(/^\/api\/v1/, '').split(/[/.]/).filter((part) => part !== '').map((part) => (part.startsWith(':') ? `By${capital(part.slice(1))}` : capital(part))).join('');

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

function parametersOf(path: string, { query = {}, headers = {} }: Operation): readonly Json[] {
  const optional = (place: 'query' | 'header') => ([name, schema]: [string, JsonSchema]): Json => ({ name, in: place, required: false, schema });
  return [
    ...namesIn(path).map((name) => ({ name, in: 'path', required: true, schema: { type: 'string', minLength: 1 } })),
    ...Object.entries(query).map(optional('query')), ...Object.entries(headers).map(optional('header')),
  ];
}

function securityOf({ scope, signed = false }: Operation): readonly Json[] {
  if (signed) return [{ signature: [] }, { standardWebhooks: [] }];
  return scope === null ? [] : [{ bearer: [scope] }, {}];
}

/** What the route may be answered beside its own answers, which tell more where they say the same. */
function refusalsOf({ path, operation: { scope, signed = false, body, answers } }: Pick<Route, 'path' | 'operation'>): readonly number[] {
  const possible = [
    ...OF_EVERY_REQUEST,
    ...(body === undefined ? [] : OF_BODIES),
    ...(scope !== null || signed ? [401] : []),
    ...(scope === null ? [] : [403]),
    ...(namesIn(path).length === 0 ? [] : [404]),
  ];
  const known = new Set<number>(PROBLEM_CODES.map(({ status }) => status));
  return possible.filter((status) => known.has(status) && answers[status] === undefined);
}

const refusalName = (status: number): string => `Refusal${status}`;

function refusal(status: number): Json {
  const codes = PROBLEM_CODES.filter((problem) => problem.status === status);
  return { ...problemContent(codes.map(({ code, title }) => `\`${code satisfies ProblemCode}\`: ${title}`).join('. ')), ...(status === 429 || status === 503 ? RETRY_AFTER : {}) };
}

const RETRY_AFTER: Json = { headers: { 'Retry-After': { description: 'Seconds to wait before the request is repeated', schema: { type: 'integer', minimum: 1 } } } };

const problemContent = (description: string): Json => ({ description, content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } } });

/** A refusal that a route tells by itself has the form of all others. */
function response(status: number, { description, schema, mediaType = 'application/json' }: Answer): Json {
  if (schema === undefined && status >= 400) return problemContent(description);
  return schema === undefined ? { description } : { description, content: { [mediaType]: { schema } } };
}
