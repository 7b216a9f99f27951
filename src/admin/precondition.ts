/**
 * ETag and If-Match (RFC 9110 section 13.1.1) over the version of what is changed: who changes something says which version he
 * has seen, so that nobody overwrites what he does not know.
 */
import type { Context } from 'hono';
import { Problem } from '../http/problem.ts';

export const etagOf = ({ version }: { readonly version: number }): string => `"${version}"`;

/** Looked at before anything else is read. @throws Problem `precondition_required` */
export function requireIfMatch(context: Context): string {
  const header = context.req.header('if-match');
  if (header === undefined) throw new Problem('precondition_required', 'Expected If-Match with the ETag of what was read last, got no such header');
  return header;
}

/** Compares strongly: a weak tag matches nothing. @throws Problem `precondition_failed` */
export function checkIfMatch(header: string, current: { readonly version: number }): void {
  const tags = header.split(',').map((tag) => tag.trim());
  if (!tags.includes('*') && !tags.includes(etagOf(current))) throw changedMeanwhile(current.version);
}

export const changedMeanwhile = (version: number): Problem => new Problem('precondition_failed', `Expected the ETag of the present version, which was "${version}", got another: read it again`);
