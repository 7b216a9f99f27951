/**
 * Statements that change `targets` for those who run the system. Each raises `version` by one: servers go by it to learn of a
 * change, and whoever changes a target says by it what he has seen.
 */
import type { Filter, UpdateFilter } from 'mongodb';
import type { TargetId } from '../domain/ids.ts';
import { DELETED_REASON, type Target } from '../domain/target.ts';
import type { Store, TargetDocument } from './store.ts';
import { toTarget } from './targets.ts';
import { signingOf } from './vault.ts';

export type NewTarget = Omit<Target, 'status' | 'statusReason' | 'version' | 'createdAt' | 'secrets'> & { readonly createdAt: Date; readonly secret: string };

export async function createTarget(store: Store, { id, eventTypes, secret, createdAt, ...rest }: NewTarget): Promise<Target> {
  const secrets = [store.vault.keepNew(signingOf(id), secret, createdAt)];
  const document: TargetDocument = { _id: id, ...rest, createdAt, eventTypes: [...eventTypes], secrets, status: 'active', statusReason: null, version: 1 };
  await store.targets.insertOne(document);
  return toTarget(store, document);
}

/** What a person may change of a target. */
export type TargetFields = Pick<Target, 'url' | 'eventTypes' | 'filter' | 'limits' | 'timeoutMs' | 'retry' | 'headers' | 'description' | 'metadata'>;

/** Null: the target is gone, deleted, or no longer of this version. */
export const changeTarget = (store: Store, { id, version }: Pick<Target, 'id' | 'version'>, fields: Partial<TargetFields>): Promise<Target | null> =>
  change(store, { _id: id, version, status: { $ne: 'deleted' } }, { $set: fields as UpdateFilter<TargetDocument>['$set'] & object });

/** Null: there is nothing to pause, or it is deleted. */
export const pauseTarget = (store: Store, id: TargetId, reason: string): Promise<Target | null> =>
  change(store, { _id: id, status: { $ne: 'deleted' } }, { $set: { status: 'paused', statusReason: reason } });

/** Null: it is active already, gone or deleted. */
export const resumeTarget = (store: Store, id: TargetId): Promise<Target | null> =>
  change(store, { _id: id, status: { $in: ['paused', 'disabled'] } }, { $set: { status: 'active', statusReason: null } });

/** From now on it is owed nothing new. Null: it is gone, deleted already, or no longer of this version. */
export const markTargetDeleted = (store: Store, { id, version }: Pick<Target, 'id' | 'version'>): Promise<Target | null> =>
  change(store, { _id: id, version, status: { $ne: 'deleted' } }, { $set: { status: 'deleted', statusReason: DELETED_REASON }, $currentDate: { deletedAt: true } });

async function change(store: Store, filter: Filter<TargetDocument>, update: UpdateFilter<TargetDocument>): Promise<Target | null> {
  const changed = await store.targets.findOneAndUpdate(filter, { ...update, $inc: { version: 1 } }, { returnDocument: 'after' });
  return changed === null ? null : toTarget(store, changed);
}

/** A target as it was seen, deleted for so long by the server's clock. */
const deletedFor = ({ id, version }: Pick<Target, 'id' | 'version'>, ms: number): Filter<TargetDocument> =>
  ({ _id: id, version, status: 'deleted', $expr: { $lte: ['$deletedAt', { $subtract: ['$$NOW', ms] }] } });

export async function isDeletedFor({ targets }: Store, target: Pick<Target, 'id' | 'version'>, ms: number): Promise<boolean> {
  return (await targets.findOne(deletedFor(target, ms), { projection: { _id: 1 } })) !== null;
}

/** Takes a target out that has been deleted for so long; answers whether it is gone now. */
export async function removeTarget({ targets }: Store, target: Pick<Target, 'id' | 'version'>, deletedForMs: number): Promise<boolean> {
  return (await targets.deleteOne(deletedFor(target, deletedForMs))).deletedCount === 1;
}
