/**
 * What is done with targets over the API. Reading, checking and changing each name their refusals; every change is one guarded
 * statement that raises the version, then told to the audit record, then answered. Servers and processors learn of it by the
 * version and by the change stream.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { DEFAULT_TARGET_ID, isTargetId, newEventId, newTargetId, type TargetId } from '../domain/ids.ts';
import { newSecret } from '../domain/signing.ts';
import type { Target } from '../domain/target.ts';
import type { RefusesAddress } from '../domain/target-url.ts';
import { createJsonReader } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import type { Clock } from '../runtime/clock.ts';
import { insertEvents } from '../store/events.ts';
import type { Store } from '../store/store.ts';
import { changeTarget, createTarget, markTargetDeleted, pauseTarget, resumeTarget } from '../store/target-changes.ts';
import { findTarget, pageOfTargets } from '../store/targets.ts';
import type { RecordChange } from './audit-port.ts';
import { readPage } from './paging.ts';
import { changedMeanwhile, checkIfMatch, etagOf, requireIfMatch } from './precondition.ts';
import { changedFields, newFields, type DeliveryDefaults, type TargetInput } from './target-input.ts';
import { CHANGES_TARGET, CREATES_TARGET, PAUSES_TARGET } from './target-schema.ts';
import { targetStatistics } from './target-statistics.ts';
import { showFields, showTarget } from './target-view.ts';

export interface TargetRouteDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: RecordChange;
  readonly refusesAddress: RefusesAddress;
  readonly defaults: DeliveryDefaults;
  /** Whether the environment registers the default target at each start. */
  readonly hasDefaultTarget: boolean;
}

export type TargetHandler = (context: Context) => Promise<Response>;

const TEST_TYPE = 'hooktail.test';
/** Of the events that are this product's own. */
const OWN_SOURCE = 'hooktail';

export function createTargetHandlers({ store, clock, audit, refusesAddress, defaults, hasDefaultTarget }: TargetRouteDeps): Readonly<Record<'create' | 'list' | 'read' | 'change' | 'remove' | 'pause' | 'resume' | 'test' | 'statistics', TargetHandler>> {
  const readNew = createJsonReader<Partial<TargetInput> & Pick<TargetInput, 'url'>>(CREATES_TARGET);
  const readChange = createJsonReader<Partial<TargetInput>>(CHANGES_TARGET);
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
      const fields = newFields(await readNew(context), defaults, refusesAddress);
      const secret = newSecret();
      const nowMs = clock.now();
      const target = await createTarget(store, { id: newTargetId(nowMs), ...fields, secrets: [secret], createdAt: new Date(nowMs) });
      await audit(context, { action: 'target.created', subject: target.id, changes: showFields(fields) });
      return context.json({ ...showTarget(target), secret }, 201, { etag: etagOf(target), location: `/api/v1/targets/${target.id}` });
    },

    async list(context) {
      const { limit, after } = readPage(context, isTargetId);
      // One more than asked for tells whether another page follows.
      const found = await pageOfTargets(store, after, limit + 1);
      const page = found.slice(0, limit);
      return context.json({ targets: page.map(showTarget), after: found.length > limit ? (page.at(-1)?.id ?? null) : null });
    },

    read: async (context) => answer(context, await stored(context)),

    async change(context) {
      const target = await livingAsSeen(context);
      const fields = changedFields(await readChange(context), target, refusesAddress);
      const changed = await changeTarget(store, target, fields);
      if (changed === null) throw changedMeanwhile(target.version);
      await audit(context, { action: 'target.changed', subject: target.id, changes: showFields(fields) });
      return answer(context, changed);
    },

    async remove(context) {
      const target = await livingAsSeen(context);
      if (target.id === DEFAULT_TARGET_ID && hasDefaultTarget) throw new Problem('target_configured', `Expected DOWNSTREAM_URL to be unset before ${target.id} is deleted: each start registers it again`);
      const deleted = await markTargetDeleted(store, target);
      if (deleted === null) throw changedMeanwhile(target.version);
      await audit(context, { action: 'target.deleted', subject: target.id, changes: {} });
      return answer(context, deleted, 202);
    },

    async pause(context) {
      const { id } = await living(context);
      const { reason } = await readPause(context);
      const paused = (await pauseTarget(store, id, reason)) ?? absent(id);
      await audit(context, { action: 'target.paused', subject: id, changes: { reason } });
      return answer(context, paused);
    },

    async resume(context) {
      const target = await living(context);
      const resumed = await resumeTarget(store, target.id);
      if (resumed === null) return answer(context, await living(context)); // It is active already.
      await audit(context, { action: 'target.resumed', subject: target.id, changes: { was: target.status, reason: target.statusReason } });
      return answer(context, resumed);
    },

    async test(context) {
      const { id } = await living(context);
      const eventId = await storeTestEvent(store, clock, id);
      await audit(context, { action: 'target.tested', subject: id, changes: { eventId } });
      return context.json({ eventId }, 202);
    },

    statistics: async (context) => context.json(await targetStatistics(store, clock, await stored(context))),
  };
}

function absent(id: TargetId): never {
  throw new Problem('not_found', `Expected a stored target, got none with the id ${id}`);
}

/** An event like any other, but owed to this target alone, whatever its patterns say. */
async function storeTestEvent(store: Store, clock: Clock, targetId: TargetId): Promise<string> {
  const receivedAt = new Date(clock.now());
  const id = newEventId(receivedAt.getTime());
  const body = Buffer.from(JSON.stringify({ type: TEST_TYPE, timestamp: receivedAt.toISOString(), data: { targetId } }));
  const fingerprint = createHash('sha256').update(body).digest('hex');
  await insertEvents(store, [{ id, source: OWN_SOURCE, idempotencyKey: `test/${id}`, fingerprint, type: TEST_TYPE, targetIds: [targetId], body, contentType: 'application/json', receivedAt }]);
  return id;
}
