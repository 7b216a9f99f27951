/** `/api/v1/sources`: the sources of the database, made, read, changed and removed. A change is in force in every server within a second. */
import type { Context } from 'hono';
import { isSourceName, sourceFault, type Source } from '../domain/source.ts';
import type { Route } from '../http/app.ts';
import { createJsonReader, type Answer, type Operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ProveSchema } from '../runtime/user-schema/prove.ts';
import { addSource, findSource, listSourcesAfter, removeSource, replaceSource } from '../store/sources.ts';
import type { Store } from '../store/store.ts';
import type { RecordChange } from './audit-port.ts';
import { createPageReader, pageOf, PAGE_QUERY } from './paging.ts';
import { changedMeanwhile, checkIfMatch, etagOf, requireIfMatch } from './precondition.ts';
import { makeSecret, refuseUnusableSecrets } from './source-secrets.ts';
import { MAX_SOURCE_BYTES, MOST_SECRETS, NEW_SOURCE, showSource, SOURCE, SOURCE_CHANGE, SOURCE_PAGE, type NewSource, type SourceChange, type SourceFields } from './source-shapes.ts';

export interface SourceRouteDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly recordChange: RecordChange;
  readonly proveSchema: ProveSchema;
}

const PATH = '/api/v1/sources';
const LARGE = { mostBytes: MAX_SOURCE_BYTES };

const IF_MATCH = { 'If-Match': { type: 'string', description: 'The ETag that was read' } };
const ABSENT: Answer = { description: 'No such source' };
const TAKEN: Answer = { description: 'There is a source of this name' };
const UNUSABLE: Answer = { description: 'A source cannot be like that; see errors' };
const GUARDED: Readonly<Record<number, Answer>> = { 404: ABSENT, 412: { description: 'It has been changed since' }, 428: { description: 'If-Match is missing' } };
const LISTS: Operation = { summary: 'List sources by name', tag: 'sources', scope: 'read', query: PAGE_QUERY, answers: { 200: { description: 'A page of sources', schema: SOURCE_PAGE } } };
const READS: Operation = { summary: 'Read a source', tag: 'sources', scope: 'read', answers: { 200: { description: 'The source, its version as ETag', schema: SOURCE }, 404: ABSENT } };
const CREATES: Operation = { summary: 'Make a source', tag: 'sources', scope: 'write', body: NEW_SOURCE, answers: { 201: { description: 'The source, and the secret if it was made', schema: SOURCE }, 409: TAKEN, 422: UNUSABLE } };
const CHANGES: Operation = { summary: 'Change a source', tag: 'sources', scope: 'write', headers: IF_MATCH, body: SOURCE_CHANGE, answers: { 200: { description: 'The source as it is now', schema: SOURCE }, ...GUARDED, 422: UNUSABLE } };
const REMOVES: Operation = { summary: 'Remove a source', tag: 'sources', scope: 'write', headers: IF_MATCH, answers: { 204: { description: 'It is gone' }, ...GUARDED } };

const DEFAULTS: Omit<SourceFields, 'scheme' | 'secrets'> = { idempotency: null, eventType: null, schema: null, limits: { ratePerSecond: 0, burst: 0 }, maxBodyBytes: null, description: '' };

export function sourceRoutes({ store, clock, recordChange, proveSchema }: SourceRouteDeps): readonly Route[] {
  const [readNew, readChange] = [createJsonReader<NewSource>(NEW_SOURCE, LARGE), createJsonReader<SourceChange>(SOURCE_CHANGE, LARGE)];
  const readPage = createPageReader((text): text is string => isSourceName(text));

  /** @throws Problem when it could not be used */
  async function refuseUnusable(source: SourceFields, schemaIsKnown: boolean): Promise<void> {
    refuseUnusableSecrets(source);
    const fault = sourceFault(source) ?? (source.schema === null || schemaIsKnown ? null : atSchema(await proveSchema(source.schema)));
    if (fault !== null) throw new Problem('schema_mismatch', 'Expected a source that can be used', { errors: [fault] });
  }

  async function create(context: Context): Promise<Response> {
    const { name, ...given } = await readNew(context);
    if (!isSourceName(name)) throw new Problem('schema_mismatch', 'Expected a name that is free for use', { errors: [{ pointer: '/name', message: 'must be none of default, batch and hooktail' }] });
    const made = given.secrets === undefined ? [makeSecret(given.scheme)] : [];
    const source: Source = { ...DEFAULTS, secrets: made, ...given, name, version: 1, createdAt: new Date(clock.now()) };
    await refuseUnusable(source, false);
    if ((await findSource(store, name)) !== null) throw taken(name);
    await recordChange(context, { action: 'source.created', subject: name, changes: withoutSecrets(given) });
    if (!(await addSource(store, source))) throw taken(name);
    return shown(context, source, 201, made);
  }

  async function change(context: Context): Promise<Response> {
    const before = await findAsSeen(context);
    const { addSecret = false, ...given } = await readChange(context);
    const merged = { ...before, ...given };
    const made = addSecret ? [makeSecret(merged.scheme)] : [];
    const wanted = { ...merged, secrets: [...made, ...merged.secrets].slice(0, MOST_SECRETS) };
    await refuseUnusable(wanted, given.schema === undefined);
    await recordChange(context, { action: 'source.changed', subject: before.name, changes: { ...withoutSecrets(given), ...(addSecret ? { secretsAdded: 1 } : {}) } });
    const after = await replaceSource(store, before, wanted);
    if (after === null) throw changedMeanwhile(before.version);
    return shown(context, after, 200, made);
  }

  async function remove(context: Context): Promise<Response> {
    const source = await findAsSeen(context);
    await recordChange(context, { action: 'source.removed', subject: source.name, changes: {} });
    if (!(await removeSource(store, source))) throw changedMeanwhile(source.version);
    return context.body(null, 204);
  }

  async function list(context: Context): Promise<Response> {
    const query = readPage(context);
    const { page, after } = await pageOf(query, (limit) => listSourcesAfter(store, query.after, limit), ({ name }) => name);
    return context.json({ sources: page.map((source) => showSource(source)), after });
  }

  async function find(context: Context): Promise<Source> {
    const name = context.req.param('name') ?? '';
    const source = isSourceName(name) ? await findSource(store, name) : null;
    if (source === null) throw new Problem('not_found', 'Expected the name of a source that there is, got another');
    return source;
  }

  /** Guarded by the version that the caller has seen. */
  async function findAsSeen(context: Context): Promise<Source> {
    const ifMatch = requireIfMatch(context);
    const source = await find(context);
    checkIfMatch(ifMatch, source);
    return source;
  }

  return [
    { method: 'GET', path: PATH, operation: LISTS, handler: list },
    { method: 'POST', path: PATH, operation: CREATES, handler: create },
    { method: 'GET', path: `${PATH}/:name`, operation: READS, handler: async (context) => shown(context, await find(context), 200) },
    { method: 'PATCH', path: `${PATH}/:name`, operation: CHANGES, handler: change },
    { method: 'DELETE', path: `${PATH}/:name`, operation: REMOVES, handler: remove },
  ];
}

function shown(context: Context, source: Source, status: 200 | 201, made: readonly string[] = []): Response {
  context.header('etag', etagOf(source));
  return context.json(showSource(source, made), status);
}

const withoutSecrets = ({ secrets, ...fields }: Partial<SourceFields>): Readonly<Record<string, unknown>> => ({ ...fields, ...(secrets === undefined ? {} : { secrets: `${secrets.length} given` }) });

const atSchema = (fault: { readonly pointer: string; readonly message: string } | null): { readonly pointer: string; readonly message: string } | null => (fault === null ? null : { ...fault, pointer: `/schema${fault.pointer}` });

const taken = (name: string): Problem => new Problem('already_exists', `Expected a name that is not taken, got ${name}`);
