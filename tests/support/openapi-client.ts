/**
 * A client made from an OpenAPI document and nothing else: it calls every operation that the document tells, with parameters and
 * bodies that fit, and holds every answer to what is documented: its status, its media type, and its schema. It knows no route. Ids
 * that answers give are used where a path asks for one of the same collection.
 */
import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';

type Json = Readonly<Record<string, unknown>>;

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Json;
}

interface Content {
  readonly [mediaType: string]: { readonly schema: Json };
}

interface Documented {
  readonly $ref?: string;
  readonly content?: Content;
}

interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly security?: readonly Json[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, Documented>>;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly responses: Readonly<Record<string, Documented>>; readonly schemas: Readonly<Record<string, Json>> };
}

export interface Call {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly body: unknown;
}

export interface OpenApiClientOptions {
  readonly url: string;
  readonly document: OpenApiDocument;
  /** What is sent with operations that ask for a token. */
  readonly token: string | null;
  /** What signs the body of operations that ask for a signature. */
  readonly sign: (body: Uint8Array) => Readonly<Record<string, string>>;
}

/** What must be there is made before it is asked for, and taken away last. */
const ORDER: readonly string[] = ['post', 'get', 'put', 'patch', 'delete'];

export class OpenApiClient {
  readonly #options: OpenApiClientOptions;
  readonly #ajv: Ajv2020;
  /** By collection path. */
  readonly #ids = new Map<string, string>();

  constructor(options: OpenApiClientOptions) {
    this.#options = options;
    this.#ajv = new Ajv2020({ strict: false, validateFormats: false });
    this.#ajv.addSchema({ $id: 'doc', components: options.document.components });
  }

  /** Calls each operation once with whatever it takes, and once more with everything that is optional left out. */
  async callAll(): Promise<readonly Call[]> {
    const { paths } = this.#options.document;
    const operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
    const rank = ({ path, method }: { readonly path: string; readonly method: string }): number => ORDER.indexOf(method) * 1_000 + (method === 'delete' ? -path.length : path.length);
    const calls: Call[] = [];
    for (const { path, method, operation } of operations.sort((a, b) => rank(a) - rank(b))) {
      for (const optional of [false, true]) calls.push(await this.call(path, method, operation, optional));
    }
    return calls;
  }

  async call(path: string, method: string, operation: OperationObject, optional: boolean): Promise<Call> {
    const { url, sign, token } = this.#options;
    const body = this.#bodyOf(operation, optional);
    const target = this.#fill(path, operation, optional);
    const headers: Record<string, string> = body === null ? {} : { 'content-type': body.type };
    const schemes = (operation.security ?? []).flatMap((scheme) => Object.keys(scheme));
    for (const { name, schema } of this.#parameters(operation, 'header', optional)) headers[name.toLowerCase()] = String(sample(schema));
    if (schemes.includes('bearer') && token !== null) headers['authorization'] = `Bearer ${token}`;
    if (schemes.includes('signature') && body !== null) for (const [name, value] of Object.entries(sign(body.bytes))) headers[name.toLowerCase()] = value;
    const response = await fetch(url + target, { method: method.toUpperCase(), headers, ...(body === null ? {} : { body: body.bytes }) });
    const text = await response.text();
    const answer = this.#check(operation, `${method.toUpperCase()} ${target}`, response, text);
    this.#remember(path, answer);
    return { operationId: operation.operationId, tags: operation.tags, method, path, status: response.status, body: answer };
  }

  /** With optional parameters each by itself would be many calls: those that stand alone go together, and pairs are the test's affair. */
  #fill(path: string, operation: OperationObject, optional: boolean): string {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const collection = path.slice(0, path.indexOf(`/{${name}}`));
      const parameter = operation.parameters?.find((candidate) => candidate.in === 'path' && candidate.name === name);
      assert.ok(parameter, `${operation.operationId} does not tell of its path parameter ${name}`);
      return encodeURIComponent(this.#ids.get(collection) ?? String(sample(parameter.schema)));
    });
    const query = new URLSearchParams(this.#parameters(operation, 'query', optional).map(({ name, schema }): [string, string] => [name, String(sample(schema))]));
    return query.size === 0 ? filled : `${filled}?${query.toString()}`;
  }

  #parameters({ parameters = [] }: OperationObject, place: Parameter['in'], optional: boolean): readonly Parameter[] {
    return parameters.filter((parameter) => parameter.in === place && (parameter.required === true || (optional && 'default' in parameter.schema)));
  }

  #bodyOf({ requestBody }: OperationObject, optional: boolean): { readonly type: string; readonly bytes: Uint8Array } | null {
    if (requestBody === undefined) return null;
    const [first] = Object.entries(requestBody.content);
    if (first === undefined) return null;
    const [type, { schema }] = first;
    return { type, bytes: Buffer.from(JSON.stringify(sample(schema, optional))) };
  }

  /** @throws AssertionError when the answer is not one that is documented */
  #check({ operationId, responses }: OperationObject, what: string, response: Response, text: string): unknown {
    const told = responses[String(response.status)];
    assert.ok(told, `${what} (${operationId}) answered ${response.status}, which is not documented: ${text.slice(0, 300)}`);
    const { content } = told.$ref === undefined ? told : this.#resolve(told.$ref);
    if (content === undefined) {
      assert.equal(text, '', `${what} has a body, and none is documented`);
      return null;
    }
    const type = response.headers.get('content-type')?.split(';')[0] ?? '';
    assert.ok(content[type], `${what} answered ${response.status} as ${type}, documented: ${Object.keys(content).join()}`);
    const answer: unknown = type.endsWith('json') ? JSON.parse(text) : text;
    const validate = this.#ajv.compile(absolute(content[type].schema));
    assert.ok(validate(answer), `${what} answered ${response.status} with a body of another shape: ${this.#ajv.errorsText(validate.errors)}: ${text.slice(0, 500)}`);
    return answer;
  }

  #resolve(ref: string): Documented {
    const found = this.#options.document.components.responses[ref.replace('#/components/responses/', '')];
    assert.ok(found, `${ref} leads nowhere`);
    return found;
  }

  /** The first id that an answer gives, for the path it was found under. */
  #remember(path: string, answer: unknown): void {
    const id = idIn(answer);
    if (id !== null && !this.#ids.has(path)) this.#ids.set(path, id);
  }
}

function idIn(answer: unknown): string | null {
  if (typeof answer !== 'object' || answer === null) return null;
  if ('id' in answer && typeof answer.id === 'string') return answer.id;
  const list = Object.values(answer).find((value) => Array.isArray(value)) as readonly unknown[] | undefined;
  return list === undefined ? null : idIn(list[0]);
}

/** References within the document, for a compiler that sees only a part of it. */
const absolute = (schema: Json): Json => JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"doc#/')) as Json;

/** A value that fits a schema: its example, its default, its first word, else the least of its type. */
export function sample(schema: Json, optional = false): unknown {
  const { examples, enum: words, type, oneOf, anyOf } = schema;
  if (Array.isArray(examples)) return examples[0];
  for (const name of ['default', 'const'] as const) if (name in schema) return schema[name];
  if (Array.isArray(words)) return words[0];
  const [first] = (oneOf ?? anyOf ?? []) as readonly Json[];
  if (first !== undefined) return sample(first, optional);
  return sampleOfType(schema, typeof type === 'string' ? type : Array.isArray(type) ? String(type[0]) : 'object', optional);
}

function sampleOfType(schema: Json, type: string, optional: boolean): unknown {
  switch (type) {
    case 'object': {
      const required = (schema['required'] ?? []) as readonly string[];
      const properties = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, Json>>);
      return Object.fromEntries(properties.filter(([name]) => optional || required.includes(name)).map(([name, property]) => [name, sample(property, optional)]));
    }
    case 'array':
      return Array.from({ length: Number(schema['minItems'] ?? 0) }, () => sample((schema['items'] ?? {}) as Json, optional));
    case 'integer':
    case 'number':
      return schema['minimum'] ?? 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return 'x'.repeat(Math.max(1, Number(schema['minLength'] ?? 1)));
  }
}
