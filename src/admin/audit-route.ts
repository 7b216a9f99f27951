/** `GET /api/v1/audit`: who changed what, newest first, page by page. */
import type { Context } from 'hono';
import { isAuditId, type AuditId } from '../domain/ids.ts';
import type { Route } from '../http/app.ts';
import type { Operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { listAudit } from '../store/audit.ts';
import type { Store } from '../store/store.ts';

const [LIMIT, MOST] = [50, 100];
const WHOLE = /^[1-9]\d{0,3}$/;

const READS: Operation = {
  summary: 'Read the record of changes', tag: 'audit', scope: 'admin',
  query: {
    subject: { type: 'string', description: 'Only of this target, token or other thing' },
    after: { type: 'string', description: 'The `after` of the page before' },
    limit: { type: 'integer', minimum: 1, maximum: MOST, default: LIMIT },
  },
  answers: { 200: { description: 'One page, newest first; `after` is null on the last', schema: { type: 'object', required: ['records', 'after'], properties: { records: { type: 'array', items: { type: 'object' } }, after: { type: ['string', 'null'] } } } } },
};

export function auditRoute(store: Store): Route {
  return {
    method: 'GET', path: '/api/v1/audit', operation: READS,
    handler: async (context) => {
      const [subject, after, limit] = [context.req.query('subject') ?? null, placeOf(context), limitOf(context)];
      const records = await listAudit(store, { subject, after, limit: limit + 1 });
      const page = records.slice(0, limit);
      return context.json({ records: page, after: records.length > limit ? (page.at(-1)?.id ?? null) : null });
    },
  };
}

function placeOf(context: Context): AuditId | null {
  const after = context.req.query('after');
  if (after === undefined) return null;
  if (isAuditId(after)) return after;
  throw new Problem('invalid_query', 'Expected after as the page before told it, got something else');
}

function limitOf(context: Context): number {
  const text = context.req.query('limit') ?? String(LIMIT);
  if (WHOLE.test(text) && Number(text) <= MOST) return Number(text);
  throw new Problem('invalid_query', `Expected limit from 1 to ${MOST}, got something else`);
}
