/** Statements that read `targets`, and the registration of the one that the environment names. */
import type { Filter } from 'mongodb';
import type { TargetId } from '../domain/ids.ts';
import { TARGET_DEFAULTS, type Target } from '../domain/target.ts';
import type { Store, TargetDocument } from './store.ts';

export async function listTargets({ targets }: Store): Promise<readonly Target[]> {
  return (await targets.find().sort({ _id: 1 }).toArray()).map(toTarget);
}

/** The next so many, by id. */
export async function pageOfTargets({ targets }: Store, after: TargetId | null, limit: number): Promise<readonly Target[]> {
  const filter: Filter<TargetDocument> = after === null ? {} : { _id: { $gt: after } };
  return (await targets.find(filter, { sort: { _id: 1 }, limit }).toArray()).map(toTarget);
}

export async function findTarget({ targets }: Store, id: TargetId): Promise<Target | null> {
  const found = await targets.findOne({ _id: id });
  return found === null ? null : toTarget(found);
}

/** The version of each target: it rises with every change. */
export async function targetVersions({ targets }: Store): Promise<ReadonlyMap<TargetId, number>> {
  return new Map((await targets.find({}, { projection: { version: 1 } }).toArray()).map(({ _id, version }) => [_id, version]));
}

/** What was stored before a field was known has its default. */
export const toTarget = ({ _id, deletedAt: _when, createdAt, ...rest }: TargetDocument): Target => ({ ...TARGET_DEFAULTS, ...rest, id: _id, createdAt: createdAt ?? null });

export type TargetSettings = Pick<Target, 'id' | 'url' | 'eventTypes' | 'limits' | 'timeoutMs' | 'retry'> & {
  /** Null keeps the stored secrets, or takes `freshSecret` when there are none. */
  readonly secrets: readonly string[] | null;
  readonly freshSecret: string;
};

/** One that a person has paused stays so: a restart is no reason to send again. */
const ACTIVE_UNLESS_PAUSED = { $cond: [{ $eq: ['$status', 'paused'] }, 'paused', 'active'] };
const REASON_WHILE_PAUSED = { $cond: [{ $eq: ['$status', 'paused'] }, '$statusReason', null] };

/**
 * Registers a target, or brings a stored one up to these settings; what they say nothing of stays. It is active afterwards,
 * unless paused, and `version` rises only when something has changed, so that a restart wakes nobody.
 */
export async function registerTarget({ targets }: Store, settings: TargetSettings): Promise<Target> {
  const { id, secrets, freshSecret, ...plain } = settings;
  const wanted = { ...plain, status: ACTIVE_UNLESS_PAUSED, statusReason: REASON_WHILE_PAUSED, secrets: secrets ?? { $ifNull: ['$secrets', [freshSecret]] } };
  const changed = { $or: Object.keys(wanted).map((key) => ({ $ne: [`$${key}`, `$wanted.${key}`] })) };
  const createdAt = { $ifNull: ['$createdAt', { $cond: [{ $eq: [{ $type: '$version' }, 'missing'] }, '$$NOW', '$$REMOVE'] }] };
  const document = await targets.findOneAndUpdate(
    { _id: id },
    [
      { $set: { wanted, createdAt } },
      { $set: { version: { $add: [{ $ifNull: ['$version', 0] }, { $cond: [changed, 1, 0] }] } } },
      { $replaceWith: { $mergeObjects: ['$$ROOT', '$wanted'] } },
      { $unset: ['wanted', 'deletedAt'] },
    ],
    { upsert: true, returnDocument: 'after' },
  );
  if (document === null) throw new Error(`Expected target ${id} after registering it, got nothing`);
  return toTarget(document);
}

/** Stops all sending to a target, until somebody makes it active again. What it is owed stays. */
export async function disableTarget({ targets }: Store, id: TargetId, reason: string): Promise<void> {
  await targets.updateOne({ _id: id, status: { $nin: ['disabled', 'deleted'] } }, { $set: { status: 'disabled', statusReason: reason }, $inc: { version: 1 } });
}
