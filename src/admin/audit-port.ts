/**
 * How a route has a change recorded: once everything about the request has been checked, and before the change itself is written.
 * It throws the answer, a 503, when the record cannot be written durably; then nothing has been changed.
 */
import type { Context } from 'hono';

export type RecordChange = (context: Context, change: { readonly action: string; readonly subject: string; readonly changes: Readonly<Record<string, unknown>> }) => Promise<void>;
