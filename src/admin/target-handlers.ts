/**
 * What is done with targets over the API. Reading, checking and changing each name their refusals; every change is told to
 * the audit record, then made by one guarded statement that raises the version, then answered. Servers and processors learn of it by the
 * version and by the change stream.
 */
import type { Context } from 'hono';
import { DEFAULT_TARGET_ID, isTargetId, newEventId, newTargetId, type EventId, type TargetId } from '../domain/ids.ts';
import { ownEvent } from '../domain/own-event.ts';
import { newSecret } from '../domain/signing.ts';
import type { Target } from '../domain/target.ts';
import type { UrlRules } from '../domain/target-url.ts';
import { createJsonReader } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import type { Clock } from '../runtime/clock.ts';
import { insertEvents } from '../store/events.ts';
import type { Store } from '../store/store.ts';
import { changeTarget, createTarget, markTargetDeleted, pauseTarget, resumeTarget } from '../store/target-changes.ts';
import { findTarget, pageOfTargets } from '../store/targets.ts';
import type { RecordChange } from './audit-port.ts';
import { createPageReader, pageOf } from './paging.ts';
import { changedMeanwhile, checkIfMatch, etagOf, requireIfMatch } from './precondition.ts';
import { changedFields, newFields, type DeliveryDefaults, type TargetInput } from './target-input.ts';
import { CHANGES_TARGET, CREATES_TARGET, PAUSES_TARGET } from './target-schema.ts';
import { targetStatistics } from './target-statistics.ts';
import { showFields, shownAsBefore, showTarget } from './target-view.ts';

export interface TargetRouteDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly recordChange: RecordChange;
  readonly urlRules: UrlRules;
  readonly defaults: DeliveryDefaults;
  /** Whether the environment registers the default target at each start. */
  readonly hasDefaultTarget: boolean;
}

export type TargetHandler = (context: Context) => Promise<Response>;

const TEST_TYPE = 'hooktail.test';

export function createTargetHandlers({ store, clock, recordChange, urlRules, defaults, hasDefaultTarget }: TargetRouteDeps): Readonly<Record<'create' | 'list' | 'read' | 'change' | 'remove' | 'pause' | 'resume' | 'test' | 'statistics', TargetHandler>> {
  const readNew = createJsonReader<Partial<TargetInput> & Pick<TargetInput, 'url'>>(CREATES_TARGET);
  const readChange = createJsonReader<Partial<TargetInput>>(CHANGES_TARGET);
  const readPage = createPageReader(isTargetId);
  const readPause = createJsonReader<{ readonly reason: string }>(PAUSES_TARGET);

  async function stored(context: Context): Promise<Target> {
    const id = context.req.param('id') ?? '';
    if (!isTargetId(id)) throw new Problem('not_found', 'Expected a target id such as tgt_01JD…, got something else');
    return findTarget(store, id).then((target) => target ?? absent(id));
  }

  /** One that still takes part. */
  async function living(context: Context): Promise<Target> {
    const target = await stored(context);
    if (target.status === 'deleted') throw new Problem('target_deleted', `Expected a target that is in use, and ${target.id} is being deleted`);
    return target;
  }

  /** Guarded by the version that the caller has seen. */
  async function livingAsSeen(context: Context): Promise<Target> {
    const ifMatch = requireIfMatch(context);
    const target = await living(context);
    checkIfMatch(ifMatch, target);
    return target;
  }

  const answer = (context: Context, target: Target, status: 200 | 202 = 200): Response => context.json(showTarget(target), status, { etag: etagOf(target) });

  return {
    async create(context) {
      const fields = newFields(await readNew(context), defaults, urlRules);
      const secret = newSecret();
      const nowMs = clock.now();
      const id = newTargetId(nowMs);
      await recordChange(context, { action: 'target.created', subject: id, changes: showFields(fields) });
      const target = await createTarget(store, { id, ...fields, secret, createdAt: new Date(nowMs) });
      return context.json({ ...showTarget(target), secret }, 201, { etag: etagOf(target), 'cache-control': 'no-store', location: `/api/v1/targets/${target.id}` });
    },

    async list(context) {
      const query = readPage(context);
      const { page, after } = await pageOf(query, (limit) => pageOfTargets(store, query.after, limit), ({ id }) => id);
      return context.json({ targets: page.map(showTarget), after });
    },

    read: async (context) => answer(context, await stored(context)),

    async change(context) {
      const target = await livingAsSeen(context);
      const fields = changedFields(await readChange(context), target, urlRules);
      await recordChange(context, { action: 'target.changed', subject: target.id, changes: { before: shownAsBefore(target, fields), after: showFields(fields) } });
      const changed = await changeTarget(store, target, fields);
      if (changed === null) throw changedMeanwhile(target.version);
      return answer(context, changed);
    },

    async remove(context) {
      const target = await livingAsSeen(context);
      if (target.id === DEFAULT_TARGET_ID && hasDefaultTarget) throw new Problem('target_configured', `Expected DOWNSTREAM_URL to be unset before ${target.id} is deleted: each start registers it again`);
      await recordChange(context, { action: 'target.deleted', subject: target.id, changes: {} });
      const deleted = await markTargetDeleted(store, target);
      if (deleted === null) throw changedMeanwhile(target.version);
      return answer(context, deleted, 202);
    },

    async pause(context) {
      const { id } = await living(context);
      const { reason } = await readPause(context);
      await recordChange(context, { action: 'target.paused', subject: id, changes: { reason } });
      return answer(context, (await pauseTarget(store, id, reason)) ?? absent(id));
    },

    async resume(context) {
      const target = await living(context);
      if (target.status !== 'active') await recordChange(context, { action: 'target.resumed', subject: target.id, changes: { was: target.status, reason: target.statusReason } });
      return answer(context, (await resumeTarget(store, target.id)) ?? (await living(context)));
    },

    async test(context) {
      const { id } = await living(context);
      const eventId = newEventId(clock.now());
      await recordChange(context, { action: 'target.tested', subject: id, changes: { eventId } });
      await storeTestEvent(store, clock, { eventId, targetId: id });
      return context.json({ eventId }, 202);
    },

    statistics: async (context) => context.json(await targetStatistics(store, clock, await stored(context))),
  };
}

function absent(id: TargetId): never {
  throw new Problem('not_found', `Expected a stored target, got none with the id ${id}`);
}

/** An event like any other, but owed to this target alone, whatever its patterns say. */
async function storeTestEvent(store: Store, clock: Clock, { eventId: id, targetId }: { readonly eventId: EventId; readonly targetId: TargetId }): Promise<void> {
  const receivedAt = new Date(clock.now());
  const body = Buffer.from(JSON.stringify({ type: TEST_TYPE, timestamp: receivedAt.toISOString(), data: { targetId } }));
  await insertEvents(store, [ownEvent({ id, idempotencyKey: `test/${id}`, type: TEST_TYPE, body, targetIds: [targetId], at: receivedAt })]);
}
