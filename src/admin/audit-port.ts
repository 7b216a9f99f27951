/** What the routes need of the audit record: each change is told before it is answered. The composition root fills it. */
import type { Context } from 'hono';

export type RecordChange = (context: Context, change: { readonly action: string; readonly subject: string; readonly changes: Readonly<Record<string, unknown>> }) => Promise<void>;
