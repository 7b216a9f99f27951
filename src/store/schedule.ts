/**
 * Statements on `schedule`: timers, written before the delivery they belong to starts waiting (T6) and flipped to due by the
 * server's clock (T7). A flip is a plain `$set`, so that it reaches the stream as exactly one `update`.
 */
import type { DeliveryId, TargetId, TimerId } from '../domain/ids.ts';
import { timerIdOf } from '../domain/ids.ts';
import { insertNew } from './insert-new.ts';
import type { Store, TimerDocument } from './store.ts';

export interface Timer {
  readonly deliveryId: DeliveryId;
  readonly targetId: TargetId;
  readonly generation: number;
  /** Number of the attempt to wake for. */
  readonly attempt: number;
  /** On the server's clock. */
  readonly dueAt: Date;
}

/** T6. A timer that exists already is left as it is: it wakes the same attempt. */
export async function writeTimers({ db }: Store, timers: readonly Timer[]): Promise<void> {
  const documents = timers.map((timer): TimerDocument => ({ _id: idOf(timer), targetId: timer.targetId, dueAt: timer.dueAt, state: 'waiting' }));
  await insertNew(db, 'schedule', documents);
}

/** T7. Flips up to `limit` timers that are due; answers how many this call flipped, and whether more may be due. */
export async function fireDueTimers({ schedule }: Store, limit: number): Promise<{ readonly fired: number; readonly more: boolean }> {
  const due = await schedule.find({ state: 'waiting', $expr: { $lte: ['$dueAt', '$$NOW'] } }, { projection: { _id: 1 }, sort: { dueAt: 1 }, hint: 'due', limit }).toArray();
  if (due.length === 0) return { fired: 0, more: false };
  return { fired: await flip(schedule, due.map(({ _id }) => _id)), more: due.length === limit };
}

/** T7 for timers that were just written to be due at once: nobody has to come upon them first. */
export const fireTimers = ({ schedule }: Store, timers: readonly Timer[]): Promise<number> => flip(schedule, timers.map(idOf));

/** Each timer once, whoever else tries: the compare is per document. */
async function flip(schedule: Store['schedule'], ids: readonly TimerId[]): Promise<number> {
  const { modifiedCount } = await schedule.updateMany({ _id: { $in: [...ids] }, state: 'waiting' }, { $set: { state: 'due' }, $currentDate: { firedAt: true } });
  return modifiedCount;
}

const idOf = ({ deliveryId, generation, attempt }: Timer): TimerId => timerIdOf(deliveryId, generation, attempt);

/** When the next timer is due, on the server's clock; null when none waits. */
export async function nextDueAt({ schedule }: Store): Promise<Date | null> {
  const next = await schedule.findOne({ state: 'waiting' }, { projection: { dueAt: 1 }, sort: { dueAt: 1 }, hint: 'due' });
  return next?.dueAt ?? null;
}
