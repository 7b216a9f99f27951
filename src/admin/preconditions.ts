/** The version of a thing as its ETag, and that a change names the version it is meant for (RFC 9110 section 13, RFC 6585 section 3). */
import type { Context } from 'hono';
import { Problem } from '../http/problem.ts';

export const etagOf = (version: number): string => `"${version}"`;

/** @throws Problem `precondition_required` or `precondition_failed` */
export function requireMatch(context: Context, version: number): void {
  const wanted = context.req.header('if-match');
  if (wanted === undefined) throw new Problem('precondition_required', `Expected If-Match with the ETag that was read, such as ${etagOf(version)}; got none`);
  if (wanted !== '*' && !wanted.split(',').some((etag) => etag.trim() === etagOf(version))) throw changedMeanwhile(version);
}

export const changedMeanwhile = (version?: number): Problem => new Problem('precondition_failed', `Expected the version that is stored${version === undefined ? '' : `, ${etagOf(version)}`}; got another. Read it again`);
