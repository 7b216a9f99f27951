/** `GET /api/v1/audit`: who changed what, newest first, page by page. */
import { isAuditId, type AuditId } from '../domain/ids.ts';
import type { Route } from '../http/app.ts';
import type { JsonSchema, Operation } from '../http/operation.ts';
import { listAudit } from '../store/audit.ts';
import type { Store } from '../store/store.ts';
import { createPageReader, pageOf, PAGE_QUERY } from './paging.ts';

const SUBJECT: Readonly<Record<string, JsonSchema>> = { subject: { type: 'string', description: 'Only of this target, token or other thing' } };

const READS: Operation = {
  summary: 'Read the record of changes', tag: 'audit', scope: 'admin',
  query: { ...SUBJECT, ...PAGE_QUERY },
  answers: { 200: { description: 'One page, newest first; `after` is null on the last', schema: { type: 'object', required: ['records', 'after'], properties: { records: { type: 'array', items: { type: 'object' } }, after: { type: ['string', 'null'] } } } } },
};

export function auditRoute(store: Store): Route {
  const readPage = createPageReader<AuditId, { readonly subject?: string }>(isAuditId, SUBJECT);
  return {
    method: 'GET', path: '/api/v1/audit', operation: READS,
    handler: async (context) => {
      const query = readPage(context);
      const { page, after } = await pageOf(query, (limit) => listAudit(store, { subject: query.subject ?? null, after: query.after, limit }), ({ id }) => id);
      return context.json({ records: page, after });
    },
  };
}
