/** Statements on `targets`. */
import type { TargetId } from '../domain/ids.ts';
import type { Target } from '../domain/target.ts';
import type { Store, TargetDocument } from './store.ts';

export async function listTargets({ targets }: Store): Promise<readonly Target[]> {
  return (await targets.find().sort({ _id: 1 }).toArray()).map(toTarget);
}

/** The version of each target: it rises with every change. */
export async function targetVersions({ targets }: Store): Promise<ReadonlyMap<TargetId, number>> {
  return new Map((await targets.find({}, { projection: { version: 1 } }).toArray()).map(({ _id, version }) => [_id, version]));
}

const toTarget = ({ _id, ...rest }: TargetDocument): Target => ({ id: _id, ...rest });

export type TargetSettings = Omit<Target, 'version' | 'status' | 'statusReason' | 'secrets'> & {
  /** Null keeps the stored secrets, or takes `freshSecret` when there are none. */
  readonly secrets: readonly string[] | null;
  readonly freshSecret: string;
};

/**
 * Registers a target, or brings a stored one up to these settings. It is active afterwards, and `version` rises only when
 * something has changed, so that a restart wakes nobody.
 */
export async function registerTarget({ targets }: Store, settings: TargetSettings): Promise<Target> {
  const { id, secrets, freshSecret, ...plain } = settings;
  const wanted = { ...plain, status: 'active', statusReason: null, secrets: secrets ?? { $ifNull: ['$secrets', [freshSecret]] } };
  const changed = { $or: Object.keys(wanted).map((key) => ({ $ne: [`$${key}`, `$wanted.${key}`] })) };
  const document = await targets.findOneAndUpdate(
    { _id: id },
    [
      { $set: { wanted } },
      { $set: { version: { $add: [{ $ifNull: ['$version', 0] }, { $cond: [changed, 1, 0] }] } } },
      { $replaceWith: { $mergeObjects: [{ _id: '$_id', version: '$version' }, '$wanted'] } },
    ],
    { upsert: true, returnDocument: 'after' },
  );
  if (document === null) throw new Error(`Expected target ${id} after registering it, got nothing`);
  return toTarget(document);
}

/** Stops all sending to a target, until somebody makes it active again. What it is owed stays. */
export async function disableTarget({ targets }: Store, id: TargetId, reason: string): Promise<void> {
  await targets.updateOne({ _id: id, status: { $ne: 'disabled' } }, { $set: { status: 'disabled', statusReason: reason }, $inc: { version: 1 } });
}
