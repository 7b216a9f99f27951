/**
 * Who may use a route: whoever has ADMIN_TOKEN, which is of scope admin, or a stored token whose scope includes the route's. A server
 * on loopback asks for none as long as there is none. Digests are compared, so neither length nor content shows in the time taken.
 */
import type { Context } from 'hono';
import { digestOf, looksLikeToken, type AdminToken } from '../domain/admin-token.ts';
import { includesScope } from '../domain/scope.ts';
import { digestsEqual } from '../domain/signing.ts';
import type { Route } from '../http/app.ts';
import { databaseUnavailable, Problem } from '../http/problem.ts';
import { setActor } from './actor.ts';
import type { TokenCache } from './token-cache.ts';

export interface GuardOptions {
  readonly adminToken: string | null;
  /** Reached from this machine only. */
  readonly onLoopback: boolean;
}

export type Guard = (route: Pick<Route, 'operation'>, context: Context) => Promise<void>;

const BEARER = /^bearer +([\x21-\x7e]+) *$/i;

export function createGuard(tokens: Pick<TokenCache, 'find' | 'anyLive' | 'noteUse'>, { adminToken, onLoopback }: GuardOptions): Guard {
  const expected = adminToken === null ? null : digestOf(adminToken);

  async function storedToken(text: string, digest: Buffer): Promise<AdminToken | null> {
    return looksLikeToken(text) ? answered(tokens.find(digest.toString('hex'))) : null;
  }

  const isOpen = async (): Promise<boolean> => onLoopback && expected === null && !(await answered(tokens.anyLive()));

  return async ({ operation: { scope } }, context) => {
    if (scope === null) return;
    const [, text = ''] = BEARER.exec(context.req.header('authorization') ?? '') ?? [];
    const digest = digestOf(text);
    if (expected !== null && digestsEqual(expected, digest)) return setActor(context, 'env');
    const token = await storedToken(text, digest);
    if (token === null) {
      if (await isOpen()) return setActor(context, 'loopback');
      throw new Problem('unauthorized', 'Expected Authorization: Bearer with ADMIN_TOKEN or a live token');
    }
    if (!includesScope(token.scope, scope)) throw new Problem('forbidden', `Expected a token of scope ${scope}, got one of scope ${token.scope}`);
    setActor(context, token.id);
    tokens.noteUse(token.id);
  };
}

async function answered<Value>(asked: Promise<Value>): Promise<Value> {
  try {
    return await asked;
  } catch {
    throw databaseUnavailable('Expected the database to tell of the token, got no answer');
  }
}
