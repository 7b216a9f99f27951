/** Who sends to which target, by the lanes and sessions in the database, and how soon another serves what one has left. */
import type { TargetId } from '../src/domain/ids.ts';
import { liveSessions } from '../src/store/sessions.ts';
import type { Store } from '../src/store/store.ts';
import type { Program } from './program.ts';
import type { Stage } from './scenario.ts';

/** The targets whose lanes this processor owns. */
export async function lanesOf(store: Store, { name }: Program): Promise<readonly TargetId[]> {
  const [sessions, lanes] = await Promise.all([liveSessions(store), store.lanes.find().toArray()]);
  const own = sessions.filter(({ member }) => member === name).map(({ id }) => id);
  return lanes.filter(({ owner }) => owner !== null && own.includes(owner)).map(({ _id }) => _id);
}

const SHARED_WITHIN_MS = 30_000;

/** Resolves once every one of these processors owns lanes and together they own all. */
export async function untilShared(stage: Stage, processors: readonly Program[]): Promise<void> {
  const { fleet } = stage;
  await stage.until('lanes to be shared', async () => {
    const counts = await Promise.all(processors.map(async (processor) => (await lanesOf(fleet.store, processor)).length));
    return counts.every((count) => count > 0) && counts.reduce((sum, count) => sum + count, 0) === fleet.targets.length ? true : null;
  }, SHARED_WITHIN_MS);
}

export interface Departure {
  readonly targetIds: readonly TargetId[];
  /** When their owner was told to end. */
  readonly atMs: number;
  readonly heirs: readonly Program[];
}

export interface Served {
  readonly targetId: TargetId;
  /** From the departure to the first request that the new owner sent. */
  readonly ms: number;
}

const SERVED_AT_ALL_WITHIN_MS = 60_000;

/** When each target was first served by an heir; all of them must be owed something all the time. Slowest first. */
export async function servedAgain(stage: Stage, { targetIds, atMs, heirs }: Departure): Promise<readonly Served[]> {
  const { receiver } = stage.fleet;
  const takenAt = (targetId: TargetId): number => heirs.flatMap((heir) => heir.said('lane.taken', atMs)).find(({ fields }) => fields['targetId'] === targetId)?.atMs ?? Infinity;
  const servedAt = (targetId: TargetId): number | null => receiver.received.find((request) => request.targetId === targetId && request.atMs > takenAt(targetId))?.atMs ?? null;
  const served = await Promise.all(targetIds.map(async (targetId) => ({ targetId, ms: (await stage.until(`${targetId} to be served again`, () => servedAt(targetId), SERVED_AT_ALL_WITHIN_MS)) - atMs })));
  return served.sort((a, b) => b.ms - a.ms);
}

export const servedWords = (served: readonly Served[]): string => served.map(({ targetId, ms }) => `${targetId} ${ms.toFixed(0)} ms`).join(', ');
