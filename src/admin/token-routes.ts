/** Tokens over HTTP, for scope admin: made and told once, listed without what opens anything, revoked for good. */
import type { Context } from 'hono';
import { digestOf, newTokenText, type AdminToken } from '../domain/admin-token.ts';
import { isTokenId, newTokenId, type TokenId } from '../domain/ids.ts';
import { SCOPES, type Scope } from '../domain/scope.ts';
import type { Route } from '../http/app.ts';
import { createJsonReader, type JsonSchema, type Operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import type { Clock } from '../runtime/clock.ts';
import { findToken, insertToken, listTokens, revokeToken } from '../store/admin-tokens.ts';
import type { Store } from '../store/store.ts';
import type { RecordChange } from './audit-port.ts';

export interface TokenRouteDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly recordChange: RecordChange;
}

interface TokenRequest {
  readonly name: string;
  readonly scope: Scope;
  readonly expiresInSeconds?: number;
}

const PATH = '/api/v1/tokens';
const TEN_YEARS_S = 315_360_000;
const TIME: JsonSchema = { type: ['string', 'null'], format: 'date-time' };
const TOKEN: JsonSchema = {
  type: 'object',
  required: ['id', 'name', 'scope', 'createdAt', 'expiresAt', 'revokedAt', 'lastUsedAt'],
  properties: { id: { type: 'string' }, name: { type: 'string' }, scope: { enum: SCOPES }, createdAt: TIME, expiresAt: TIME, revokedAt: TIME, lastUsedAt: TIME },
};
const REQUEST: JsonSchema = {
  type: 'object',
  required: ['name', 'scope'],
  additionalProperties: false,
  properties: { name: { type: 'string', minLength: 1, maxLength: 100, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }, scope: { enum: SCOPES }, expiresInSeconds: { type: 'integer', minimum: 60, maximum: TEN_YEARS_S } },
};

const LISTS: Operation = { summary: 'List the tokens', tag: 'tokens', scope: 'admin', answers: { 200: { description: 'All of them, newest first, without the tokens themselves', schema: { type: 'object', required: ['tokens'], properties: { tokens: { type: 'array', items: TOKEN } } } } } };
const MAKES: Operation = { summary: 'Make a token', tag: 'tokens', scope: 'admin', body: REQUEST, answers: { 201: { description: 'It is told here, and never again', schema: { ...TOKEN, required: ['id', 'token'], properties: { ...(TOKEN['properties'] as object), token: { type: 'string' } } } } } };
const REVOKES: Operation = { summary: 'Revoke a token', tag: 'tokens', scope: 'admin', answers: { 200: { description: 'It is refused within a second', schema: TOKEN }, 404: { description: 'No such token' } } };

export function tokenRoutes({ store, clock, recordChange }: TokenRouteDeps): readonly Route[] {
  const readRequest = createJsonReader<TokenRequest>(REQUEST);

  async function make(context: Context): Promise<Response> {
    const { name, scope, expiresInSeconds = null } = await readRequest(context);
    const [id, token] = [newTokenId(clock.now()), newTokenText()];
    await recordChange(context, { action: 'token.created', subject: id, changes: { after: { name, scope, expiresInSeconds } } });
    const created = await insertToken(store, { id, name, scope, hash: digestOf(token).toString('hex'), expiresInMs: expiresInSeconds === null ? null : expiresInSeconds * 1_000 });
    return context.json({ ...created, token }, 201, { 'cache-control': 'no-store' });
  }

  async function revoke(context: Context): Promise<Response> {
    const id = context.req.param('id') ?? '';
    const { name, scope, revokedAt } = isTokenId(id) ? (await findToken(store, id)) ?? refuse(id) : refuse(id);
    await recordChange(context, { action: 'token.revoked', subject: id, changes: { before: { name, scope, revokedAt }, after: { name, scope } } });
    const revoked: AdminToken | null = await revokeToken(store, id as TokenId);
    return context.json(revoked ?? refuse(id));
  }

  return [
    { method: 'GET', path: PATH, operation: LISTS, handler: async (context) => context.json({ tokens: await listTokens(store) }) },
    { method: 'POST', path: PATH, operation: MAKES, handler: make },
    { method: 'DELETE', path: `${PATH}/:id`, operation: REVOKES, handler: revoke },
  ];
}

function refuse(id: string): never {
  throw new Problem('not_found', isTokenId(id) ? `Expected a stored token, got none with the id ${id}` : 'Expected a token id such as tok_01JD…, got something else');
}
