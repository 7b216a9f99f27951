/**
 * A deleted target is owed nothing new and sent nothing more; what it was owed ends as dead, with the words of its events, and
 * then it is gone: with much owed, with a processor that dies in the middle, and with events that come late.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { DEFAULT_TARGET_ID, type TargetId } from '../../src/domain/ids.ts';
import { DELETED_REASON } from '../../src/domain/target.ts';
import { admin, makeTarget } from '../support/admin.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { seedOwed } from '../support/owed.ts';
import { post } from '../support/post.ts';
import type { World } from '../support/world.ts';
import { answer } from '../../tools/sink/sink.ts';

const { inWorld } = useMongo();

/** Within this a change is in force everywhere: waited for, not tried again and again until it holds. */
const IN_FORCE_MS = 1_000;

/** For a long run: node tools/test.ts flow target-deletion with OWED=100000. */
const OWED = Number(process.env['OWED'] ?? 6_000);

async function makePaused(url: string, world: World): Promise<TargetId> {
  const { id } = await makeTarget(url, { url: `${world.sinkUrl}/deleted`, eventTypes: ['order.*'] });
  await admin(url, `POST /targets/${id}/pause`, { body: { reason: 'to be deleted' } });
  return id as TargetId;
}

async function remove(url: string, id: TargetId): Promise<void> {
  const { etag } = await admin(url, `GET /targets/${id}`);
  const { status, body } = await admin(url, `DELETE /targets/${id}`, { ifMatch: etag ?? '' });
  assert.deepEqual([status, body.status], [202, 'deleted']);
}

/** Makes the deletion as old as it must be before the target goes. */
const aMinuteLater = ({ store }: World, id: TargetId): Promise<unknown> => store.targets.updateOne({ _id: id }, { $set: { deletedAt: new Date(Date.now() - 61_000) } });

async function allEnded(world: World, id: TargetId, count: number, timeoutMs: number): Promise<void> {
  const dead = { targetId: id, state: 'dead', reason: DELETED_REASON } as const;
  await eventually(async () => {
    const [ended, failed] = await Promise.all([world.store.deliveries.countDocuments(dead), world.store.events.countDocuments({ targetIds: id, status: 'FAILED_PERMANENTLY', pendingFanOut: { $exists: false }, settledAt: { $exists: true } })]);
    assert.deepEqual([ended, failed], [count, count]);
  }, { timeoutMs, everyMs: 200 });
}

test(`${OWED} owed deliveries, parked, waiting and unwritten, end as dead in bounded memory, and the target goes after a minute`, () =>
  inWorld({ env: { DOWNSTREAM_URL: '' } }, async (world) => {
    const { url } = await world.server();
    const id = await makePaused(url, world);
    await seedOwed(world, [id], id, OWED);
    await remove(url, id);
    const processor = await world.processor();
    const before = process.memoryUsage().rss;
    let most = 0;
    const watching = setInterval(() => { most = Math.max(most, process.memoryUsage().rss - before); }, 50);
    try {
      await allEnded(world, id, OWED, 20_000 + OWED * 2);
    } finally {
      clearInterval(watching);
    }
    assert.ok(most < 300 * 1_048_576, `it took ${Math.round(most / 1_048_576)} MiB`);
    assert.equal(await world.store.targets.countDocuments({ _id: id }), 1, 'a server may still know it');
    await aMinuteLater(world, id);
    await processor.told.until('target.removed', ({ targetId }) => targetId === id);
    await eventually(async () => assert.deepEqual([await world.store.targets.countDocuments({ _id: id }), await world.store.lanes.countDocuments({ _id: id })], [0, 0]));
    assert.equal((await admin(url, `GET /targets/${id}`)).status, 404);
    assert.equal(world.sink.requests.length, 0);
  }));

test('what comes late ends too, the other targets of the events get theirs, and nothing is sent', () =>
  inWorld({}, async (world) => {
    const [{ url }, processor] = [await world.server(), await world.processor()];
    const id = await makePaused(url, world);
    await processor.told.until('lane.taken', ({ targetId }) => targetId === id);
    await seedOwed(world, [DEFAULT_TARGET_ID, id], id, 30);
    await remove(url, id);
    await allEnded(world, id, 30, 20_000);
    // By what a server knew a second ago:
    await seedOwed(world, [DEFAULT_TARGET_ID, id], id, 3);
    await eventually(async () => assert.deepEqual([
      await world.store.deliveries.countDocuments({ targetId: id, state: 'dead', reason: DELETED_REASON }),
      await world.store.deliveries.countDocuments({ targetId: DEFAULT_TARGET_ID, state: 'delivered' }),
      await world.store.events.countDocuments({ status: 'FAILED_PERMANENTLY', pendingFanOut: { $exists: false } }),
    ], [33, 33, 33]), { timeoutMs: 30_000 });
    assert.equal(world.sink.requests.filter(({ path }) => path === '/deleted').length, 0);
    assert.equal((await post(url, { body: '{"type":"order.paid"}' })).status, 202);
    const { body } = await admin(url, `POST /targets/${id}/test`);
    assert.equal(body.code, 'target_deleted');
    for (const refused of [await admin(url, `POST /targets/${id}/resume`), await admin(url, `PATCH /targets/${id}`, { body: {}, ifMatch: '*' }), await admin(url, `DELETE /targets/${id}`, { ifMatch: '*' })]) assert.equal(refused.status, 409);
  }));

test('what waits in the memory of its lane is never sent; an attempt that runs ends as it ends', async () => {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  await inWorld({ env: { DOWNSTREAM_URL: '' }, behaviour: () => passed.then(() => answer(200)) }, async (world) => {
    const [{ url }, processor] = [await world.server(), await world.processor()];
    const { id } = await makeTarget(url, { url: world.sinkUrl, concurrency: 1 });
    await processor.told.until('lane.taken', ({ targetId }) => targetId === id);
    for (let number = 0; number < 10; number += 1) await admin(url, `POST /targets/${id}/test`);
    await eventually(() => assert.equal(world.sink.requests.length, 1));
    await eventually(() => assert.ok(processor.told.all('stream.batchRead').reduce((sum, { changes }) => sum + changes, 0) >= 10, 'all are in memory'));
    assert.equal(await world.store.deliveries.countDocuments(), 0, 'and nowhere else');
    await remove(url, id as TargetId);
    await sleep(IN_FORCE_MS);
    open();
    await world.settled(10);
    assert.deepEqual([await world.store.events.countDocuments({ status: 'DELIVERED' }), await world.store.deliveries.countDocuments({ reason: DELETED_REASON }), world.sink.requests.length], [1, 9, 1]);
  });
});

test('a processor that dies in the middle is followed by one that goes on, and no event keeps a wrong word', () =>
  inWorld({ env: { DOWNSTREAM_URL: '' } }, async (world) => {
    const { url } = await world.server();
    const id = await makePaused(url, world);
    await seedOwed(world, [id], id, 6_000);
    await remove(url, id);
    const first = await world.child('processor', { PROCESSOR_NAME: 'first' });
    await eventually(async () => assert.ok((await world.store.deliveries.countDocuments({ targetId: id, state: 'dead' })) > 0, 'some have ended'), { everyMs: 5 });
    await first.kill('SIGKILL');
    const left = await world.store.deliveries.countDocuments({ targetId: id, state: { $ne: 'dead' } });
    assert.ok(left > 0, 'it was in the middle');
    await world.processor({ PROCESSOR_NAME: 'first' });
    await allEnded(world, id, 6_000, 60_000);
  }));

test('the default target is deleted only where no DOWNSTREAM_URL would bring it back', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const refused = await admin(url, 'DELETE /targets/tgt_default', { ifMatch: '"1"' });
    assert.deepEqual([refused.status, refused.body.code], [409, 'target_configured']);
    const other = await world.server({ DOWNSTREAM_URL: '' });
    assert.equal((await admin(other.url, 'DELETE /targets/tgt_default', { ifMatch: '"1"' })).status, 202);
    // Somebody sets it again while it is ending: it is in use again.
    const third = await world.server();
    assert.deepEqual((({ body }) => [body.status, body.version])(await admin(third.url, 'GET /targets/tgt_default')), ['active', 3]);
  }));
