/** What one call of `npm run replay` is about, once options and targets are read: where to search, and what to warn of. */
import type { TargetId } from '../../src/domain/ids.ts';
import type { Target } from '../../src/domain/target.ts';
import { serverTime } from '../../src/store/replay.ts';
import type { Store } from '../../src/store/store.ts';
import { listTargets } from '../../src/store/targets.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { ToolError, usageError } from '../cli/tool-error.ts';
import { idBoundAt } from './id-time.ts';
import type { Moment, NamedId, ReplayValues } from './options.ts';
import { searchAll, searchNamed, type Misfit, type Pages, type Search } from './search.ts';

export interface ReplayPlan {
  readonly pages: Pages;
  /** Ids that were named and do not fit. */
  readonly misfits: readonly Misfit[];
  readonly targets: readonly Target[];
  /** What is searched, in words. */
  readonly words: string;
}

export interface PlanInput {
  readonly values: Pick<ReplayValues, 'status' | 'target' | 'type' | 'since' | 'until'>;
  readonly ids: readonly NamedId[];
  readonly database: string;
}

/** @throws ToolError (exit 2) when the target is unknown, or the range of time is empty */
export async function planOf(store: Store, { values, ids, database }: PlanInput): Promise<ReplayPlan> {
  const targets = await targetsOf(store, values.target, database);
  const { since, until } = await rangeOf(store, values);
  const search: Search = {
    targetIds: targets.map(({ id }) => id),
    state: values.status,
    type: values.type,
    from: since === null ? null : idBoundAt(since.getTime()),
    before: until === null ? null : idBoundAt(until.getTime()),
  };
  const words = wordsOf({ search, since, until, named: ids.length, database });
  if (ids.length === 0) return { pages: searchAll(store, search), misfits: [], targets, words };
  return { ...(await searchNamed(store, ids, search)), targets, words };
}

async function targetsOf(store: Store, wanted: TargetId | null, database: string): Promise<readonly Target[]> {
  const targets = await listTargets(store);
  const chosen = wanted === null ? targets : targets.filter(({ id }) => id === wanted);
  if (wanted === null || chosen.length > 0) return chosen;
  const known = targets.length === 0 ? 'there are none' : `there are ${targets.map(({ id }) => id).join(', ')}`;
  throw new ToolError(EXIT.usage, 'unknown_target', `--target: expected a target of database ${database}, got ${wanted}; ${known}`);
}

interface Range {
  readonly since: Date | null;
  readonly until: Date | null;
}

async function rangeOf(store: Store, values: PlanInput['values']): Promise<Range> {
  if (values.since === null && values.until === null) return { since: null, until: null };
  const now = await serverTime(store);
  const [since, until] = [dateOf(values.since, now), dateOf(values.until, now)];
  if (since !== null && until !== null && since >= until) throw usageError(`--until: expected a time after --since, got ${until.toISOString()} and ${since.toISOString()}`);
  return { since, until };
}

const EPOCH_MS = 0;

function dateOf(moment: Moment | null, now: Date): Date | null {
  if (moment === null) return null;
  return new Date(moment.kind === 'at' ? moment.unixMs : Math.max(now.getTime() - moment.ms, EPOCH_MS));
}

function wordsOf({ search, since, until, named, database }: Range & { readonly search: Search; readonly named: number; readonly database: string }): string {
  const { state, targetIds, type } = search;
  return [
    `${state} deliveries in database ${database}`,
    targetIds.length === 1 ? `to ${targetIds[0] ?? ''}` : `to ${targetIds.length} targets`,
    ...(named === 0 ? [] : [`among the ${named} ids given`]),
    ...(type === null ? [] : [`of type ${type}`]),
    ...(since === null ? [] : [`received since ${since.toISOString()}`]),
    ...(until === null ? [] : [`received before ${until.toISOString()}`]),
  ].join(', ');
}

/** What keeps these targets from being sent to; a replay to them is kept until they are active again. */
export function warningsFor(targets: readonly Target[], touched: readonly TargetId[]): readonly string[] {
  return targets.filter(({ id, status }) => status !== 'active' && touched.includes(id)).map(({ id, status, statusReason }) => {
    if (status === 'deleted') return `${id} is being deleted: whatever is replayed to it ends as dead again`;
    return `${id} is ${status}${statusReason === null ? '' : ` (${statusReason})`}: nothing is sent to it until it is active`;
  });
}
