/** The network between our programs and MongoDB fails, and neither of them does. Faults are made by a proxy of our own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Environment } from '../../src/runtime/config.ts';
import { sendMany, type LoadResult } from '../../tools/send/load.ts';
import type { Behaviour } from '../../tools/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { BACKLOG, ONE_AT_A_TIME, slowUntil, startsNothingUntrusted } from '../support/lease-trust.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { createProxy, uriThrough, type Proxy } from '../support/proxy.ts';
import { INGEST_SECRET, type WatchedProcessor, type World } from '../support/world.ts';

const { mongo, inWorld } = useMongo();

interface Setting {
  readonly env?: Environment;
  readonly behaviour?: Behaviour;
}

/** The programs of this world reach MongoDB through the proxy only; the test itself goes around it. */
async function throughProxy({ env = {}, behaviour }: Setting, run: (world: World, proxy: Proxy) => Promise<void>): Promise<void> {
  const [node] = mongo().nodes;
  assert.ok(node);
  const proxy = await createProxy({ upstream: node.port });
  try {
    await inWorld({ env: { MONGODB_URI: uriThrough(proxy), ...env }, ...(behaviour === undefined ? {} : { behaviour }) }, (world) => run(world, proxy).finally(() => proxy.heal()));
  } finally {
    await proxy.stop();
  }
}

const load = (url: string, count: number, signal?: AbortSignal): Promise<LoadResult> => sendMany({ url, secret: INGEST_SECRET, count, concurrency: 10, ...(signal === undefined ? {} : { signal }) });

/** Every acknowledged event arrived, everything stored is settled, and nothing arrived twice. */
async function nothingLost(world: World, { accepted }: LoadResult): Promise<void> {
  // Counted anew each time: what was answered 503, because nobody could tell in time, may still come to be stored.
  await eventually(async () => world.settled(await world.store.events.countDocuments(), 0), { timeoutMs: 60_000 });
  const received = world.received();
  assert.deepEqual(accepted.filter(({ id }) => !received.has(id)), [], 'acknowledged and not delivered');
  assert.equal(world.duplicates(), 0);
}

function neverFaltered({ told }: WatchedProcessor): void {
  assert.deepEqual(told.all('process.failed'), []);
  assert.deepEqual(told.all('history.lost'), []);
  assert.deepEqual(told.all('session.lost'), []);
  assert.equal(told.all('lane.taken').length, 1);
}

test('every connection reset, twenty times under load: nothing lost, nothing twice, no program ends', () =>
  throughProxy({}, async (world, proxy) => {
    const server = await world.server();
    const processor = await world.processor();
    const enough = new AbortController();
    const sending = load(server.url, 1_000_000, enough.signal);
    try {
      for (let cuts = 0; cuts <= 20; cuts += 1) {
        const goal = world.received().size + 1 + Math.floor(Math.random() * 60);
        await eventually(() => assert.ok(world.received().size >= goal, `deliveries flow after ${cuts} cuts`), { timeoutMs: 15_000, everyMs: 1 });
        // What was read before the last cut may be delivered before anybody has connected again.
        if (cuts < 20) await eventually(() => assert.ok(proxy.cut() >= 1, 'there are connections to cut'), { timeoutMs: 15_000, everyMs: 1 });
      }
    } finally {
      enough.abort();
    }
    await nothingLost(world, await sending);
    neverFaltered(processor);
  }));

test('half a second of delay either way: nothing lost, no lease lost, the stream is never given up', () =>
  throughProxy({}, async (world, proxy) => {
    const server = await world.server();
    const processor = await world.processor();
    await processor.told.until('stream.caughtUp');
    proxy.delay(500);
    const sent = await load(server.url, 100);
    assert.ok(sent.accepted.length >= 50, `${sent.accepted.length} of 100 accepted: a new connection alone takes two seconds`);
    await nothingLost(world, sent);
    neverFaltered(processor);
    assert.deepEqual(processor.told.all('stream.closed').filter(({ error }) => /has not answered/.test(error)), []);
  }));

test('every connection half open for 20 s: no send starts on a lease that ran out, and deliveries flow again within 15 s', async () => {
  let hurry = false;
  await throughProxy({ env: ONE_AT_A_TIME, behaviour: slowUntil(() => hurry) }, async (world, proxy) => {
    const server = await world.server();
    const processor = await world.processor();
    const sent = await load(server.url, BACKLOG);
    await eventually(() => assert.ok(world.received().size > 0, 'sending has begun'));
    const awaySince = performance.now();
    proxy.halfOpen();
    const asked = performance.now();
    assert.equal((await post(server.url)).status, 503);
    assert.ok(performance.now() - asked < 2_500, `answered after ${performance.now() - asked} ms`);
    await startsNothingUntrusted(processor, awaySince, 20_000);
    const before = world.received().size;
    assert.ok(before < BACKLOG, 'there is more to send');
    hurry = true;
    await proxy.heal();
    await eventually(() => assert.ok(world.received().size > before, 'deliveries flow again'), { timeoutMs: 15_000 });
    await nothingLost(world, sent);
    assert.deepEqual(processor.told.all('process.failed'), []);
  });
});

/** The ports from which connections of this name come, as the server sees them. */
async function portsOf(world: World, appName: string, matches: object = {}): Promise<readonly number[]> {
  const operations = await world.db.client.db('admin').aggregate<{ client?: string }>([{ $currentOp: { allUsers: true, idleConnections: true } }, { $match: { appName, ...matches } }]).toArray();
  return [...new Set(operations.flatMap(({ client }) => (client === undefined ? [] : [Number(client.split(':').at(-1))])))];
}

test('the connections for work half open: ingest answers 503 within 2.5 s, and all recovers by itself', () =>
  throughProxy({}, async (world, proxy) => {
    const server = await world.server();
    const processor = await world.processor();
    const first = await load(server.url, 50);
    await world.settled(50);
    const through = new Set(proxy.ports());
    const dead = (await portsOf(world, 'hooktail-work')).filter((port) => through.has(port));
    assert.ok(dead.length >= 2, 'connections of both programs');
    for (const from of dead) proxy.halfOpen({ from });
    const asked = performance.now();
    const { status } = await post(server.url);
    assert.ok(performance.now() - asked < 2_500, `answered after ${performance.now() - asked} ms`);
    assert.equal(status, 503);
    await eventually(async () => assert.equal((await post(server.url)).status, 202), { timeoutMs: 15_000, everyMs: 100 });
    const goal = world.received().size + 50;
    const second = await load(server.url, 50);
    assert.deepEqual(second.failures, []);
    await eventually(() => assert.ok(world.received().size >= goal, 'deliveries flow again'), { timeoutMs: 15_000 });
    await nothingLost(world, { ...second, accepted: [...first.accepted, ...second.accepted] });
    assert.deepEqual(processor.told.all('process.failed'), []);
  }));

test('SIGTERM while every connection is half open: both programs end, in little more than the grace', () =>
  throughProxy({ env: { SHUTDOWN_GRACE_MS: '3000' } }, async (world, proxy) => {
    const [server, processor] = [await world.child('server'), await world.child('processor')];
    const [, url = ''] = /"url":"([^"]+)"/.exec(await server.line('"event":"server.started"')) ?? [];
    await load(url, 50);
    await world.settled(50);
    proxy.halfOpen();
    assert.equal((await post(url)).status, 503);
    const told = performance.now();
    await Promise.all([server, processor].map(async (child) => {
      await child.kill('SIGTERM');
      assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output().slice(-2_000));
      assert.ok(performance.now() - told < 3_000 + 5_000, `ended after ${performance.now() - told} ms`);
    }));
  }));
