/** What a route tells of each change it has made, for whoever keeps the record. */
import type { Context } from 'hono';

export type RecordChange = (context: Context, change: { readonly action: string; readonly subject: string; readonly changes: Readonly<Record<string, unknown>> }) => Promise<void>;
