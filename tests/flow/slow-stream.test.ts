/** A stream that is behind: the sweep must not take what it has yet to tell for lost, and its place must not run ahead of the work. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultMember } from '../../src/runtime/config.ts';
import { openChangeReader, startOf, type Change } from '../../src/store/change-stream.ts';
import type { ResumeTokenDocument } from '../../src/store/store.ts';
import { createFeed, type Feed, type FeedDeps } from '../../src/streams/feed.ts';
import { sendMany } from '../../tools/send/load.ts';
import { eventually } from '../support/eventually.ts';
import { jumpingClock } from '../support/jumping-clock.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

const { inWorld } = useMongo();

/** A feed that lets a test look at each batch that tells of events, or hold it up, before it is dealt with. */
const feedWith = (before: () => Promise<void>) => (deps: FeedDeps): Feed =>
  createFeed({
    ...deps,
    handle: async (changes, catchingUp) => {
      if (changes.some(({ kind }) => kind === 'eventInserted')) await before();
      return deps.handle(changes, catchingUp);
    },
  });

test('events that the stream has yet to tell of are not parked by the sweep, and are sent once', async () => {
  let goOn = (): void => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  await inWorld({}, async (world) => {
    const server = await world.server();
    const processor = await world.processor({}, { openFeed: feedWith(() => held) });
    const swept = (): number => processor.told.all('sweep.finished').length;
    try {
      await processor.told.until('stream.caughtUp');
      await sendMany({ url: server.url, secret: INGEST_SECRET, count: 50, concurrency: 10 });
      const before = swept();
      await eventually(() => assert.ok(swept() >= before + 2, 'two more sweeps'), { timeoutMs: 30_000 });
      assert.deepEqual(processor.told.all('delivery.parked'), []);
    } finally {
      goOn(); // Whatever happened: the processor cannot end before.
    }
    await world.settled(50);
    assert.equal(world.received().size, 50);
    assert.equal(world.duplicates(), 0);
  });
});

/** What a stream that goes on at the stored place tells of, until it has nothing more to tell. */
async function toldFromStored({ db, store }: World): Promise<readonly Change[]> {
  // Read as it stands on this node: places are written with w:1, and a majority read would show the one before.
  const stored = await db.collection<ResumeTokenDocument>('resumeTokens').findOne({ _id: defaultMember() });
  assert.ok(stored);
  const reader = openChangeReader(store.db, startOf(stored));
  try {
    for (;;) {
      const { changes, dry } = await reader.next();
      if (changes.length > 0 || dry) return changes;
    }
  } finally {
    await reader.close();
  }
}

test('the stored place never lies behind a batch that is not dealt with yet', () =>
  inWorld({}, async (world) => {
    const again: (readonly Change[])[] = [];
    const { clock, jump } = jumpingClock();
    const server = await world.server();
    const processor = await world.processor({}, { clock, openFeed: feedWith(async () => void again.push(await toldFromStored(world))) });
    await processor.told.until('stream.caughtUp');
    await eventually(async () => assert.equal(await world.store.resumeTokens.countDocuments(), 1));
    for (let count = 1; count <= 3; count += 1) {
      jump(1_000); // So that the place may be saved again.
      await post(server.url);
      await world.settled(count);
    }
    assert.equal(again.length, 3);
    for (const changes of again) assert.ok(changes.some(({ kind }) => kind === 'eventInserted'), 'a crash now would have skipped the event');
  }));

test('a stream that always has more to tell has caught up once it has told what was written before it was opened, and looks nothing up from then on', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const lookedUp: boolean[] = [];
    // Each batch brings the next event, so that no read ever finds the stream dry.
    const openFeed = (deps: FeedDeps): Feed =>
      createFeed({
        ...deps,
        handle: async (changes, catchingUp) => {
          const events = changes.filter(({ kind }) => kind === 'eventInserted').length;
          if (events > 0) lookedUp.push(catchingUp);
          if (events > 0 && lookedUp.at(-1) === true) await post(server.url);
          return deps.handle(changes, catchingUp);
        },
      });
    const before = await world.processor();
    await before.told.until('stream.caughtUp');
    await before.stop();
    await post(server.url);
    const processor = await world.processor({}, { openFeed });
    await processor.told.until('stream.caughtUp');
    await post(server.url);
    await eventually(() => assert.equal(lookedUp.at(-1), false, 'what is told from now on is not looked up'));
    assert.ok(lookedUp.length > 3, `it was told of events all along, ${lookedUp.length} times`);
    await world.settled(lookedUp.length);
    assert.equal(world.duplicates(), 0);
  }));
