/** `GET /api/v1/audit`: who changed what, newest first, page by page. */
import type { Context } from 'hono';
import { isAuditId, type AuditId } from '../domain/ids.ts';
import type { Route } from '../http/app.ts';
import type { Operation } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { listAudit } from '../store/audit.ts';
import type { Store } from '../store/store.ts';

const [LIMIT, MOST] = [50, 200];
const WHOLE = /^[1-9]\d{0,3}$/;

const READS: Operation = {
  summary: 'Read the record of changes', tag: 'audit', scope: 'admin',
  query: {
    subject: { type: 'string', description: 'Only of this target, token or other thing' },
    before: { type: 'string', description: 'The next of the page before' },
    limit: { type: 'integer', minimum: 1, maximum: MOST, default: LIMIT },
  },
  answers: { 200: { description: 'One page, newest first; next is null on the last', schema: { type: 'object', required: ['records', 'next'], properties: { records: { type: 'array', items: { type: 'object' } }, next: { type: ['string', 'null'] } } } } },
};

export function auditRoute(store: Store): Route {
  return {
    method: 'GET', path: '/api/v1/audit', operation: READS,
    handler: async (context) => {
      const [subject, before, limit] = [context.req.query('subject') ?? null, placeOf(context), limitOf(context)];
      const records = await listAudit(store, { subject, before, limit: limit + 1 });
      const page = records.slice(0, limit);
      return context.json({ records: page, next: records.length > limit ? page.at(-1)?.id : null });
    },
  };
}

function placeOf(context: Context): AuditId | null {
  const before = context.req.query('before');
  if (before === undefined) return null;
  if (isAuditId(before)) return before;
  throw new Problem('invalid_query', 'before: expected the next of a page, such as aud_01JD…, got something else');
}

function limitOf(context: Context): number {
  const text = context.req.query('limit') ?? String(LIMIT);
  if (WHOLE.test(text) && Number(text) <= MOST) return Number(text);
  throw new Problem('invalid_query', `limit: expected a whole number from 1 to ${MOST}, got something else`);
}
