/** A session is a lease: who cannot renew it starts nothing more, and what a dead processor held goes to a living one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preferredOwner } from '../../src/domain/lease.ts';
import { DEFAULT_TARGET_ID, newSessionId } from '../../src/domain/ids.ts';
import { systemClock, type Clock } from '../../src/runtime/clock.ts';
import { sendMany } from '../../tools/send/load.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { mongo, inWorld } = useMongo();

/** The system's clock, whose monotonic time a test can move on. */
function jumpingClock(): { readonly clock: Clock; readonly jump: (ms: number) => void } {
  let aheadMs = 0;
  return { clock: { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs }, jump: (ms) => (aheadMs += ms) };
}

/** A clock on which time goes by so many times as fast. */
const fastClock = (times: number): Clock => ({
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * times,
  sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  after: (ms, act) => systemClock.after(ms / times, act),
});

test('ten seconds after its last renewal a processor starts nothing more, though its lanes are full, and goes on once renewed', () =>
  inWorld({ env: { RATE_LIMIT_PER_SECOND: '3' } }, async (world) => {
    const { clock, jump } = jumpingClock();
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

/** A name under which a processor would be preferred for the one target there is. */
function preferredName(rival: string): string {
  const sessions = (name: string): Parameters<typeof preferredOwner>[1] => [name, rival].map((member) => ({ id: newSessionId(0), member }));
  for (let number = 1; ; number += 1) if (preferredOwner(DEFAULT_TARGET_ID, sessions(`name-${number}`))?.member === `name-${number}`) return `name-${number}`;
}

test('the lanes of a processor that was killed go to one that lives, with all they are owed', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const name = preferredName('heir');
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
