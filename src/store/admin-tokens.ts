/** Statements on `adminTokens`. Whether one is live, neither revoked nor expired, the server decides by its own clock. */
import type { Filter } from 'mongodb';
import type { AdminToken } from '../domain/admin-token.ts';
import type { TokenId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import { QUICK, type AdminTokenDocument, type Store } from './store.ts';

const LIVE: Filter<AdminTokenDocument> = { revokedAt: { $exists: false }, $or: [{ expiresAt: { $exists: false } }, { $expr: { $gt: ['$expiresAt', '$$NOW'] } }] };
const HIDDEN = { projection: { hash: 0 } } as const;
const USE_EVERY_MS = 60_000;

export interface NewToken {
  readonly id: TokenId;
  readonly name: string;
  readonly hash: string;
  readonly scope: Scope;
  /** Null: until it is revoked. */
  readonly expiresInMs: number | null;
}

/** Created now, by the server's clock. */
export async function insertToken({ adminTokens }: Store, { id, expiresInMs, ...fields }: NewToken): Promise<AdminToken> {
  const literal = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, { $literal: value }]));
  const expiry = expiresInMs === null ? {} : { expiresAt: { $add: ['$$NOW', expiresInMs] } };
  const created = await adminTokens.findOneAndUpdate({ _id: id }, [{ $set: { ...literal, createdAt: '$$NOW', ...expiry } }], { upsert: true, returnDocument: 'after', ...HIDDEN });
  if (created === null) throw new Error(`Expected token ${id} after creating it, got nothing`);
  return toToken(created);
}

export async function findLiveToken({ adminTokens }: Store, hash: string): Promise<AdminToken | null> {
  const found = await adminTokens.findOne({ hash, ...LIVE }, HIDDEN);
  return found === null ? null : toToken(found);
}

/** Newest first, the revoked and expired ones too. */
export async function listTokens({ adminTokens }: Store): Promise<readonly AdminToken[]> {
  return (await adminTokens.find({}, { ...HIDDEN, sort: { _id: -1 } }).toArray()).map(toToken);
}

export async function findToken({ adminTokens }: Store, id: TokenId): Promise<AdminToken | null> {
  const found = await adminTokens.findOne({ _id: id }, HIDDEN);
  return found === null ? null : toToken(found);
}

/** Revokes one for good; once more changes nothing. Null when there is none of that id. */
export async function revokeToken({ adminTokens }: Store, id: TokenId): Promise<AdminToken | null> {
  const revoked = await adminTokens.findOneAndUpdate({ _id: id }, [{ $set: { revokedAt: { $ifNull: ['$revokedAt', '$$NOW'] } } }], { returnDocument: 'after', ...HIDDEN });
  return revoked === null ? null : toToken(revoked);
}

/** Notes a use, unless one of the last minute is noted already. */
export async function noteUse({ adminTokens }: Store, id: TokenId): Promise<void> {
  const stale = { $lt: [{ $ifNull: ['$lastUsedAt', new Date(0)] }, { $subtract: ['$$NOW', USE_EVERY_MS] }] };
  await adminTokens.updateOne({ _id: id, $expr: stale }, { $currentDate: { lastUsedAt: true } }, { writeConcern: QUICK });
}

/** Whether any live token is stored, of this scope when one is named. */
export async function hasLiveToken({ adminTokens }: Store, scope: Scope | null): Promise<boolean> {
  return (await adminTokens.findOne({ ...LIVE, ...(scope === null ? {} : { scope }) }, { projection: { _id: 1 } })) !== null;
}

const toToken = ({ _id, name, scope, createdAt, expiresAt, revokedAt, lastUsedAt }: Omit<AdminTokenDocument, 'hash'>): AdminToken =>
  ({ id: _id, name, scope, createdAt, expiresAt: expiresAt ?? null, revokedAt: revokedAt ?? null, lastUsedAt: lastUsedAt ?? null });
