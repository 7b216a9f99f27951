/**
 * How the secrets of a field change, as expressions that the server works out with its own clock: what is created now, what expires
 * a while from now, and what has expired and goes. The fields they are written over are compared with what was read.
 */
import type { SecretId } from '../domain/ids.ts';
import { SECRET_KINDS, type SecretKind } from '../domain/signing-secret.ts';
import type { Store } from './store.ts';
import { asStored, type SecretField, type SecretOwner, type StoredSecret } from './vault.ts';

/** How long the secrets that are replaced go on, unless somebody says otherwise. */
export const ROTATION_MS = 86_400_000;

/** A stage or operand of an update pipeline. */
type Expression = Readonly<Record<string, unknown>>;

/** A secret as an expression: it is created when the server writes it. */
export const freshSecretOf = ({ vault }: Store, owner: SecretOwner, secret: string, id?: SecretId): Expression =>
  ({ $mergeObjects: [{ $literal: vault.keepNew(owner, secret, null, id) }, { createdAt: '$$NOW' }] });

/** New secrets before the stored ones, of which those of the kinds said expire after the overlap, or sooner when they were to. */
export function rotated(field: SecretField, fresh: readonly Expression[], overlapMs: number, kinds: readonly SecretKind[] = SECRET_KINDS): Expression {
  // What would expire at once is not kept.
  const staying = overlapMs > 0 ? asStored(field) : asStored(field).filter(({ kind }) => !kinds.includes(kind));
  const until = { $min: ['$$old.expiresAt', { $add: ['$$NOW', overlapMs] }] };
  const expiring = { $map: { input: live(staying), as: 'old', in: { $cond: [{ $in: ['$$old.kind', [...kinds]] }, { $mergeObjects: ['$$old', { expiresAt: until }] }, '$$old'] } } };
  return { $concatArrays: [[...fresh], expiring] };
}

/** Without one of them. */
export const without = (field: SecretField, id: SecretId): Expression => live(asStored(field).filter((stored) => stored.id !== id));

/** Those that have not expired: `$$NOW` is before a time that is not there. */
const live = (stored: readonly StoredSecret[]): Expression => ({ $filter: { input: { $literal: stored }, as: 'old', cond: { $or: [{ $eq: [{ $type: '$$old.expiresAt' }, 'missing'] }, { $lt: ['$$NOW', '$$old.expiresAt'] }] } } });
