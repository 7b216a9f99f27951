/** Statements on `audit`: records of what was changed, by whom. Written once, never changed; they age away by a TTL index. */
import type { AuditId } from '../domain/ids.ts';
import type { AuditDocument, Store } from './store.ts';

export interface AuditRecord {
  readonly id: AuditId;
  readonly at: Date;
  /** A token's id; or `env` for ADMIN_TOKEN, `loopback` for a server that asks for no token, `tool` for the command line. */
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly changes: Readonly<Record<string, unknown>>;
  readonly requestId: string | null;
}

/** Durable when it returns. */
export async function insertAudit({ audit }: Store, { id, requestId, ...fields }: AuditRecord): Promise<void> {
  await audit.insertOne({ _id: id, ...fields, ...(requestId === null ? {} : { requestId }) });
}

/** Newest first, older than the given one. */
export async function listAudit({ audit }: Store, { subject, after, limit }: { readonly subject: string | null; readonly after: AuditId | null; readonly limit: number }): Promise<readonly AuditRecord[]> {
  const filter = { ...(subject === null ? {} : { subject }), ...(after === null ? {} : { _id: { $lt: after } }) };
  return (await audit.find(filter, { sort: { _id: -1 }, limit }).toArray()).map(toRecord);
}

const toRecord = ({ _id, requestId, ...fields }: AuditDocument): AuditRecord => ({ id: _id, ...fields, requestId: requestId ?? null });
