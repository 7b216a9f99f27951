/**
 * Records of changes, written durably before the change itself: a crash between the two leaves a record of something that was not
 * done, which a look at the thing itself clears up. The other way round it would leave a change that nobody can account for.
 */
import { newAuditId } from '../domain/ids.ts';
import { databaseUnavailable } from '../http/problem.ts';
import { requestIdOf } from '../http/request-id.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import { masked } from '../runtime/masked.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { insertAudit } from '../store/audit.ts';
import type { Store } from '../store/store.ts';
import { actorOf } from './actor.ts';
import type { RecordChange } from './audit-port.ts';

export interface AuditDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export function createRecordChange({ store, clock, telemetry }: AuditDeps): RecordChange {
  return async (context, { action, subject, changes }) => {
    const nowMs = clock.now();
    try {
      await insertAudit(store, { id: newAuditId(nowMs), at: new Date(nowMs), actor: actorOf(context), action, subject, changes: masked(changes), requestId: requestIdOf(context) });
      telemetry.emit('admin.changed', { action, subject });
    } catch (error) {
      telemetry.emit('write.failed', { write: 'audit record', count: 1, error: messageOf(error) });
      throw databaseUnavailable('Expected to record the change first, but the database did not take the record; nothing was changed');
    }
  };
}
