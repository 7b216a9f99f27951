/** Statements that read `targets`, and the registration of the one that the environment names. */
import type { Filter } from 'mongodb';
import type { TargetId } from '../domain/ids.ts';
import { faultOf } from '../domain/signing-secret.ts';
import { TARGET_DEFAULTS, type Target } from '../domain/target.ts';
import { freshSecretOf, rotated, ROTATION_MS } from './secret-rotation.ts';
import type { Store, TargetDocument } from './store.ts';
import { signingOf } from './vault.ts';

export async function listTargets(store: Store): Promise<readonly Target[]> {
  return (await store.targets.find().sort({ _id: 1 }).toArray()).map((document) => toTarget(store, document));
}

/** The next so many, by id. */
export async function pageOfTargets(store: Store, after: TargetId | null, limit: number): Promise<readonly Target[]> {
  const filter: Filter<TargetDocument> = after === null ? {} : { _id: { $gt: after } };
  return (await store.targets.find(filter, { sort: { _id: 1 }, limit }).toArray()).map((document) => toTarget(store, document));
}

export async function findTarget(store: Store, id: TargetId): Promise<Target | null> {
  const found = await store.targets.findOne({ _id: id });
  return found === null ? null : toTarget(store, found);
}

/** The version of each target: it rises with every change. */
export async function targetVersions({ targets }: Store): Promise<ReadonlyMap<TargetId, number>> {
  return new Map((await targets.find({}, { projection: { version: 1 } }).toArray()).map(({ _id, version }) => [_id, version]));
}

/**
 * A stored target as the programs know it; what was stored before a field was known has its default. One whose secrets do not open
 * is not sent to, since what it sent could not be told from a forgery: an active one shows as disabled here, and as active again
 * once they open.
 */
export function toTarget({ vault }: Store, { _id, secrets: field, deletedAt: _when, createdAt, ...rest }: TargetDocument): Target {
  const secrets = vault.read(signingOf(_id), field);
  const target = { ...TARGET_DEFAULTS, ...rest, id: _id, secrets, createdAt: createdAt ?? null };
  const fault = vault.isBlind || target.status !== 'active' ? null : faultOf(secrets);
  return fault === null ? target : { ...target, status: 'disabled', statusReason: fault };
}

export type TargetSettings = Pick<Target, 'id' | 'url' | 'eventTypes' | 'limits' | 'timeoutMs' | 'retry'> & {
  /** Null keeps the stored secrets, or takes `freshSecret` when there are none. */
  readonly secrets: readonly string[] | null;
  readonly freshSecret: string;
};

/** One that a person has paused stays so: a restart is no reason to send again. */
const ACTIVE_UNLESS_PAUSED = { $cond: [{ $eq: ['$status', 'paused'] }, 'paused', 'active'] };
const REASON_WHILE_PAUSED = { $cond: [{ $eq: ['$status', 'paused'] }, '$statusReason', null] };
/** How often somebody else may change the secrets between our reading and our writing. */
const MOST_TRIES = 10;

/**
 * Registers a target, or brings a stored one up to these settings; what they say nothing of stays. It is active afterwards,
 * unless paused, and `version` rises only when something has changed, so that a restart wakes nobody. Secrets it did not have are
 * a rotation: they come first, and those before them sign for another day.
 */
export async function registerTarget(store: Store, settings: TargetSettings): Promise<Target> {
  const { id, secrets, freshSecret, ...plain } = settings;
  const fresh = (secrets ?? [freshSecret]).map((secret) => freshSecretOf(store, signingOf(id), secret));
  for (let count = 0; count < MOST_TRIES; count += 1) {
    const stored = (await store.targets.findOne({ _id: id }, { projection: { secrets: 1 } }))?.secrets ?? null;
    const known = stored === null ? [] : store.vault.read(signingOf(id), stored);
    const holds = secrets === null || secrets.every((secret) => known.some((one) => 'secret' in one && one.secret === secret));
    const next = stored === null || holds ? { $ifNull: ['$secrets', fresh] } : { $cond: [{ $eq: ['$secrets', { $literal: stored }] }, rotated(stored, fresh, ROTATION_MS), '$secrets'] };
    const target = toTarget(store, await register(store, id, plain, next));
    if (secrets === null || secrets.every((secret) => target.secrets.some((one) => 'secret' in one && one.secret === secret))) return target;
  }
  throw new Error(`Expected target ${id} to take its secret, but somebody else changed its secrets ${MOST_TRIES} times meanwhile`);
}

async function register({ targets }: Store, id: TargetId, plain: Omit<TargetSettings, 'id' | 'secrets' | 'freshSecret'>, secrets: unknown): Promise<TargetDocument> {
  const wanted = { ...plain, status: ACTIVE_UNLESS_PAUSED, statusReason: REASON_WHILE_PAUSED, secrets };
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
  return document;
}

/** Stops all sending to a target, until somebody makes it active again. What it is owed stays. */
export async function disableTarget({ targets }: Store, id: TargetId, reason: string): Promise<void> {
  await targets.updateOne({ _id: id, status: { $nin: ['disabled', 'deleted'] } }, { $set: { status: 'disabled', statusReason: reason }, $inc: { version: 1 } });
}
