/** Schedulers that overlap, as in every fleet: a timer is flipped once, and told of once, whoever comes upon it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeStream } from 'mongodb';
import { deliveryIdOf, newEventId } from '../../src/domain/ids.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { ServerClock } from '../../src/runtime/server-clock.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { createScheduler } from '../../src/scheduler/scheduler.ts';
import { ensureIndexes } from '../../src/store/indexes.ts';
import { writeTimers, type Timer } from '../../src/store/schedule.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { ONE } from '../support/replay.ts';
import { watchTelemetry } from '../support/telemetry-watch.ts';

const { inWorld } = useMongo();
const SCHEDULERS = 3;
const DUE = 4_000;
const LATER = 1_000;

const timerDueIn = (ms: number): Timer => ({ deliveryId: deliveryIdOf(newEventId(Date.now()), ONE), targetId: ONE, generation: 0, attempt: 2, dueAt: new Date(Date.now() + ms) });

/** Lets a call go on once so many have come, again and again until `open`. */
function createMeeting(size: number): { readonly meet: () => Promise<void>; readonly open: () => void } {
  let waiting: (() => void)[] = [];
  let closed = true;
  const letGo = (): void => waiting.splice(0).forEach((go) => go());
  return {
    meet: () =>
      new Promise((go) => {
        waiting = [...waiting, go];
        if (!closed || waiting.length === size) letGo();
      }),
    open() {
      closed = false;
      letGo();
    },
  };
}

/** The same store, whose flips are held until all schedulers have chosen what to flip; counts what they chose. */
function meetingStore(store: Store, meet: () => Promise<void>, chosen: (count: number) => void): Store {
  const schedule = Object.create(store.schedule) as Store['schedule'];
  schedule.updateMany = async (...args) => {
    const [{ _id }] = args as unknown as [{ _id: { $in: readonly string[] } }];
    chosen(_id.$in.length);
    await meet();
    return store.schedule.updateMany(...args);
  };
  return { ...store, schedule };
}

/** How often each timer was told of as updated, up to the marker. */
async function updatesUntil(stream: ChangeStream, marker: string): Promise<ReadonlyMap<string, number>> {
  const updates = new Map<string, number>();
  for await (const change of stream) {
    if (change.operationType === 'insert' && String(change.documentKey._id) === marker) break;
    if (change.operationType !== 'update' && change.operationType !== 'replace') continue;
    const id = String(change.documentKey._id);
    updates.set(id, (updates.get(id) ?? 0) + 1);
  }
  return updates;
}

test('three schedulers that choose the same timers, and then race for those that fall due: one change event for each timer', () =>
  inWorld({}, async ({ store, db }) => {
    await ensureIndexes(store, 30);
    const stream = db.collection('schedule').watch();
    const until = updatesUntil(stream, 'marker');
    await writeTimers(store, Array.from({ length: DUE }, () => timerDueIn(-1_000)));
    await writeTimers(store, Array.from({ length: LATER }, (_, index) => timerDueIn(500 + index)));

    let chosen = 0;
    const { meet, open } = createMeeting(SCHEDULERS);
    const telemetry = createTelemetry();
    const told = watchTelemetry(telemetry);
    const schedulers = Array.from({ length: SCHEDULERS }, () =>
      createScheduler({ store: meetingStore(store, meet, (count) => (chosen += count)), clock: systemClock, serverClock: new ServerClock(systemClock), telemetry }));
    await Promise.all(schedulers.map((scheduler) => scheduler.start()));
    const waiting = (): Promise<number> => store.schedule.countDocuments({ state: 'waiting' });
    await eventually(async () => assert.ok((await waiting()) <= LATER, 'what was due is flipped'));
    assert.ok(chosen >= SCHEDULERS * DUE, `the schedulers overlapped: they chose ${chosen} times among ${DUE} timers`);
    open();
    await eventually(async () => assert.equal(await waiting(), 0));
    await Promise.all(schedulers.map((scheduler) => scheduler.stop()));

    await db.collection<{ _id: string }>('schedule').insertOne({ _id: 'marker' });
    const updates = await until;
    await stream.close();
    assert.equal(updates.size, DUE + LATER);
    assert.deepEqual([...updates].filter(([, count]) => count !== 1), []);
    assert.equal(told.all('timer.fired').reduce((sum, { count }) => sum + count, 0), DUE + LATER, 'each was claimed by one scheduler');
  }));
