import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

const { mongo, inWorld } = useMongo();

const node = (): ReturnType<typeof mongo>['nodes'][number] => {
  const [first] = mongo().nodes;
  assert.ok(first);
  return first;
};

/** Posts until one is stored again. */
const untilAccepted = (url: string): Promise<string> =>
  eventually(async () => {
    const { status, body } = await post(url);
    assert.equal(status, 202);
    return body.id;
  }, { timeoutMs: 20_000, everyMs: 100 });

async function outage(world: World, goAway: () => Promise<void>, comeBack: () => Promise<void>): Promise<void> {
  const server = await world.server();
  const processor = await world.processor();
  const ids = new Set<string>();
  const enough = new AbortController();
  const load = sendMany({ url: server.url, secret: INGEST_SECRET, count: 100_000, concurrency: 20, signal: enough.signal });
  try {
    await eventually(() => assert.ok(world.sink.requests.length >= 200, 'deliveries flow'));
    await goAway();

    for (let ask = 0; ask < 3; ask += 1) {
      const askedAt = performance.now();
      const { status, headers, body } = await post(server.url);
      const tookMs = performance.now() - askedAt;
      assert.equal(status, 503);
      assert.equal(body.code, 'unavailable');
      assert.ok(headers.has('retry-after'));
      assert.ok(tookMs < 2_500, `answered after ${tookMs} ms`);
    }
    assert.equal((await fetch(`${server.url}/readyz`)).status, 503);
    assert.equal((await fetch(`${server.url}/livez`)).status, 200);
  } finally {
    enough.abort();
  }
  const { accepted } = await load;
  for (const { id } of accepted) ids.add(id);
  await comeBack();
  ids.add(await untilAccepted(server.url));
  await eventually(() => {
    const received = world.received();
    for (const id of ids) assert.ok(received.has(id), `${id} was acknowledged and not delivered`);
  }, { timeoutMs: 30_000 });
  await world.settled(await world.store.events.countDocuments());
  assert.ok(world.duplicates() <= 200, `${world.duplicates()} duplicates`);
  assert.ok(processor.told.all('stream.closed').length <= 40, 'no hot loop');
}

test('case 22: MongoDB killed under load: 503 within 2.5 s and never 202; back again, both go on and every 202 is delivered', () =>
  inWorld({}, (world) => outage(world, () => node().kill(), () => node().start())));

test('MongoDB frozen under load: the same', () =>
  inWorld({}, (world) =>
    outage(world, () => {
      node().pause();
      return Promise.resolve();
    }, () => {
      node().resume();
      return Promise.resolve();
    })));

test('while the database is away the API asks to come again, and answers once it is back', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const { body: { id } } = await post(url);
    const statusOf = async (path: string): Promise<readonly [number, string | null]> => {
      const answer = await fetch(`${url}/api/v1${path}`);
      return [answer.status, answer.status === 503 ? `${((await answer.json()) as { readonly code: string }).code}, retry after ${answer.headers.get('retry-after')}` : null];
    };
    const paths = ['/targets', '/sources', `/events/${id}`, '/events', '/audit', '/targets/tgt_default/statistics'];
    await node().kill();
    try {
      assert.deepEqual(await Promise.all(paths.map(statusOf)), paths.map(() => [503, 'database_unavailable, retry after 5']));
    } finally {
      await node().start();
      await mongo().waitForPrimary();
    }
    await eventually(async () => assert.deepEqual(await Promise.all(paths.map(statusOf)), paths.map(() => [200, null])), { timeoutMs: 20_000 });
  }));

test('a mark that was lost with its primary is made again, though the stream went on by itself', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const processor = await world.processor();
    await post(server.url);
    await world.settled(1);
    await processor.told.until('sweep.finished', () => processor.told.all('sweep.finished').length >= 2); // What was in doubt at the start is not any more.
    const [before, opened] = [await world.store.events.findOne({}), processor.told.all('stream.opened').length];
    await world.store.events.updateOne({}, { $set: { status: 'FAILED_TEMPORARILY' }, $unset: { settledAt: '' } }); // As an unjournaled mark that is gone.
    await world.db.client.db('admin').command({ replSetStepDown: 1, force: true }).catch(() => undefined);
    await eventually(async () => assert.deepEqual((await world.store.events.findOne({}))?.status, before?.status), { timeoutMs: 20_000 });
    assert.equal(before?.status, 'DELIVERED');
    assert.equal(processor.told.all('stream.opened').length, opened, 'the stream went on by itself');
  }));
