/** A session is a lease: who cannot renew it starts nothing more, and what a dead processor held goes to a living one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_TARGET_ID } from '../../src/domain/ids.ts';
import { systemClock, type Clock } from '../../src/runtime/clock.ts';
import { sendMany } from '../../tools/send/load.ts';
import { eventually } from '../support/eventually.ts';
import { jumpingClock } from '../support/jumping-clock.ts';
import { useMongo } from '../support/mongo.ts';
import { preferredName } from '../support/preferred-name.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { mongo, inWorld } = useMongo({ args: ['--setParameter', 'enableTestCommands=1'] });

/** A clock on which time goes by so many times as fast. */
const fastClock = (times: number): Clock => ({
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * times,
  sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  after: (ms, act) => systemClock.after(ms / times, act),
});

for (const [time, what] of [['monotonic', 'its last renewal'], ['now', 'its last renewal by the wall clock alone, as on a machine that was suspended,']] as const) test(`ten seconds after ${what} a processor starts nothing more, though its lanes are full, and goes on once renewed`, () =>
  inWorld({ env: { RATE_LIMIT_PER_SECOND: '3' } }, async (world) => {
    const { clock, jump } = jumpingClock(time);
    const server = await world.server();
    const processor = await world.processor({}, { clock });
    const started = (): number => processor.told.all('attempt.started').length;
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 9, concurrency: 9 });
    await eventually(() => assert.ok(started() >= 1, 'sending has begun'));
    const [node] = mongo().nodes;
    assert.ok(node);
    await node.kill();
    try {
      jump(10_000);
      const before = started();
      await processor.told.until('loop.failed', ({ loop }) => loop === 'session');
      assert.equal(started(), before, 'starts without a renewed lease');
      assert.ok(before < 9, 'there was more to send');
    } finally {
      await node.start();
      await mongo().waitForPrimary();
    }
    await world.settled(9);
    assert.equal(world.received().size, 9);
  }));

test('the lanes of a processor that was killed go to one that lives, with all they are owed', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const name = preferredName('heir', DEFAULT_TARGET_ID);
    const killed = await world.child('processor', { PROCESSOR_NAME: name });
    const heir = await world.processor({ PROCESSOR_NAME: 'heir' }, { clock: fastClock(4) });
    await killed.kill('SIGKILL');
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 50, concurrency: 10 });
    assert.equal(world.sink.requests.length, 0, 'nobody has the lane yet');
    await world.store.sessions.updateOne({ member: name }, { $set: { until: new Date(0) } }); // What 15 s would bring.
    await heir.told.until('lane.taken');
    await world.settled(50);
    assert.equal(world.received().size, 50);
    assert.equal(world.duplicates(), 0);
    assert.equal((await world.store.sessions.findOne({ member: name }))?.endedBy, 'expiry');
  }));

test('a renewal that hangs is asked for again on another connection, and the lease is kept', () =>
  inWorld({}, async (world) => {
    const processor = await world.processor();
    const admin = world.db.client.db('admin');
    const until = async (): Promise<number> => (await world.store.sessions.findOne({ live: true }))?.until.getTime() ?? 0;
    const data = { failCommands: ['findAndModify'], appName: 'hooktail-work', blockConnection: true, blockTimeMS: 9_000 };
    const { count } = await admin.command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data });
    await admin.command({ waitForFailPoint: 'failCommand', timesEntered: Number(count) + 1, maxTimeMS: 10_000 });
    const before = await until();
    await eventually(async () => assert.ok((await until()) > before, 'renewed while the first still hangs'), { timeoutMs: 6_000, everyMs: 50 });
    assert.deepEqual(processor.told.all('session.lost'), []);
  }));

test('a renewal that was under way through an outage ends nobody with its answer: the others have yet to renew', () =>
  inWorld({}, async (world) => {
    const { clock, jump } = jumpingClock();
    const later = await world.child('processor', { PROCESSOR_NAME: 'later' });
    const first = await world.processor({ PROCESSOR_NAME: 'first' }, { clock });
    const admin = world.db.client.db('admin');
    process.kill(later.pid, 'SIGSTOP');
    try {
      const data = { failCommands: ['findAndModify'], appName: 'hooktail-work', blockConnection: true, blockTimeMS: 1_500 };
      const { count } = await admin.command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data });
      await admin.command({ waitForFailPoint: 'failCommand', timesEntered: Number(count) + 1, maxTimeMS: 10_000 });
      jump(16_000);
      await world.store.sessions.updateMany({ live: true }, { $set: { until: new Date(0) } });
      const until = async (): Promise<number> => (await world.store.sessions.findOne({ member: 'first' }))?.until.getTime() ?? 0;
      await eventually(async () => assert.ok((await until()) > 0, 'the renewal is answered'), { timeoutMs: 10_000 });
      const answered = await until();
      await eventually(async () => assert.ok((await until()) > answered, 'and what followed from it is done'), { timeoutMs: 10_000 });
      assert.equal((await world.store.sessions.findOne({ member: 'later' }))?.endedBy, undefined);
    } finally {
      process.kill(later.pid, 'SIGCONT');
    }
    assert.deepEqual(first.told.all('session.lost'), []);
  }));
