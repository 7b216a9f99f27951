/** Pages by key: so many after the one that came last. Nothing is skipped or told twice, whatever is added meanwhile. */
import type { Context } from 'hono';
import type { JsonSchema } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';

const DEFAULT_LIMIT = 50;
const MOST = 100;

export const PAGE_QUERY: Readonly<Record<string, JsonSchema>> = {
  limit: { type: 'integer', minimum: 1, maximum: MOST, default: DEFAULT_LIMIT },
  after: { type: 'string', description: 'The `after` of the page before' },
};

/** @throws Problem `invalid_query` */
export function readPage<Id extends string>(context: Context, isId: (text: string) => text is Id): { readonly limit: number; readonly after: Id | null } {
  const { limit = String(DEFAULT_LIMIT), after } = context.req.query();
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST) throw new Problem('invalid_query', `Expected limit from 1 to ${MOST}, got something else`);
  if (after !== undefined && !isId(after)) throw new Problem('invalid_query', 'Expected after as the page before told it, got something else');
  return { limit: Number(limit), after: after ?? null };
}
