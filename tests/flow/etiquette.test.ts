/** Receivers that ask for something, or misbehave: the cases 28 and 34 to 40 of the reference, each by its number, from real ones. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import { createAddressGuard } from '../../src/delivery/guard.ts';
import { createSender } from '../../src/delivery/sender.ts';
import { DEFAULT_TARGET_ID, type EventId, type TargetId } from '../../src/domain/ids.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { holdLane } from '../../src/store/lanes.ts';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { breakerOf, registerAt } from '../support/breaker.ts';
import { eventually } from '../support/eventually.ts';
import { residentBytes } from '../support/memory.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { ONE, TWO } from '../support/replay.ts';
import { selfSigned } from '../support/self-signed.ts';
import { INGEST_SECRET, World } from '../support/world.ts';

const { inWorld, mongo } = useMongo();
const FAR = { RETRY_SCHEDULE: '1h', MAX_RETRY_ATTEMPTS: '10' };
const HOUR_MS = 3_600_000;

const holdOf = async (world: World, id: TargetId): Promise<number | null> => (await world.store.lanes.findOne({ _id: id }))?.holdUntil?.getTime() ?? null;

test('28: a redirect to loopback is a failure, and not followed', () =>
  inWorld({ env: FAR }, async (world) => {
    const inner = await World.create({ uri: mongo().uri });
    try {
      world.sink.behave(() => answer(302, { headers: { location: `${inner.sinkUrl}/secret` } }));
      const server = await world.server();
      const processor = await world.processor();
      await post(server.url);
      await processor.told.until('delivery.settled', ({ verdict }) => verdict === 'retry');
      const delivery = await world.store.deliveries.findOne({});
      assert.deepEqual([delivery?.state, delivery?.attempts.map(({ status }) => status)], ['waiting', [302]]);
      assert.equal(inner.sink.requests.length, 0);
    } finally {
      await inner.end();
    }
  }));

test('34: a reset on a connection that was idle is tried again at once, on its own record and with the same id', () =>
  inWorld({ env: FAR }, async (world) => {
    const server = await world.server();
    await world.processor();
    await post(server.url);
    await world.settled(1);
    world.sink.behave(({ seen }) => (seen === 1 ? { kind: 'reset' } : answer(200)));
    const { body } = await post(server.url);
    await world.settled(2);
    const delivery = await world.store.deliveries.findOne({ eventId: body.id as never });
    assert.deepEqual(delivery?.attempts.map(({ number, quickRetry, status }) => [number, quickRetry, status]), [[1, 0, null], [1, 1, 200]]);
    assert.match(delivery.attempts[0]?.error ?? '', /^reset: /);
    assert.equal(delivery.attemptCount, 1);
    assert.equal(world.received().get(body.id)?.length, 2);
  }));

test('35: 429 with Retry-After 120 holds the lane for 120 s and uses up no attempt of the others, through a restart and a handover', () =>
  inWorld({ env: { ...FAR, TARGET_CONCURRENCY: '1' }, behaviour: () => answer(429, { headers: { 'retry-after': '120' } }) }, async (world) => {
    const server = await world.server();
    const first = await world.processor({ PROCESSOR_NAME: 'one' });
    await post(server.url);
    const askedAtMs = Date.now();
    await first.told.until('delivery.settled');
    await Promise.all([post(server.url), post(server.url)]);
    await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({ state: 'ready' }), 2));
    const holdMs = ((await holdOf(world, DEFAULT_TARGET_ID)) ?? 0) - askedAtMs;
    assert.ok(Math.abs(holdMs - 120_000) < 5_000, `held for ${holdMs} ms`);
    const second = await world.processor({ PROCESSOR_NAME: 'two' });
    await first.stop();
    await second.told.until('lane.taken');
    await second.stop();
    const third = await world.processor({ PROCESSOR_NAME: 'three' });
    await third.told.until('sweep.finished', () => third.told.all('sweep.finished').length >= 2);
    assert.equal(world.sink.requests.length, 1);
    assert.equal(await world.store.deliveries.countDocuments({ attemptCount: 0 }), 2);

    // The same, with what is left of it shortened, since nobody owns the lane: to the moment and not before.
    await third.stop();
    const until = Date.now() + 3_000;
    await world.store.lanes.updateOne({}, { $set: { holdUntil: new Date(until) } });
    world.sink.behave(() => answer(200));
    await world.processor({ PROCESSOR_NAME: 'four' });
    await eventually(() => assert.equal(world.sink.requests.length, 3));
    for (const { receivedAt } of world.sink.requests.slice(1)) assert.ok(receivedAt.getTime() >= until - 50, `${until - receivedAt.getTime()} ms too early`);
  }));

test('35: a Retry-After that an earlier owner was told late, when its lane was gone, holds the present one\'s', () =>
  inWorld({ env: FAR }, async (world) => {
    const server = await world.server();
    await world.processor();
    await post(server.url);
    await world.settled(1);
    await holdLane(world.store, DEFAULT_TARGET_ID, new Date(Date.now() + HOUR_MS)); // What the earlier owner writes.
    await eventually(async () => {
      const { body } = await post(server.url);
      const stored = await eventually(async () => (await world.store.deliveries.findOne({ eventId: body.id as EventId })) ?? assert.fail('neither sent nor parked'));
      assert.equal(stored.state, 'ready', 'it is parked');
    });
  }));

test('36: Retry-After of -1, of a word, of a date in the past holds nothing; of the year 2099 it holds for a day', () => {
  const asked: Readonly<Record<string, string>> = { tgt_minus: '-1', tgt_word: 'soon', tgt_past: 'Thu, 01 Jan 2015 00:00:00 GMT', tgt_far: 'Thu, 01 Jan 2099 00:00:00 GMT', tgt_date: new Date(Date.now() + HOUR_MS).toUTCString() };
  return inWorld({ env: { ...FAR, DOWNSTREAM_URL: undefined }, behaviour: ({ path }) => answer(503, { headers: { 'retry-after': asked[path.slice(1)] ?? '' } }) }, async (world) => {
    for (const id of Object.keys(asked)) await registerAt(world, id as TargetId, { url: `${world.sinkUrl}/${id}` });
    const server = await world.server();
    await world.processor();
    await post(server.url);
    await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({ state: 'waiting' }), 5));
    for (const id of ['tgt_minus', 'tgt_word', 'tgt_past']) assert.equal(await holdOf(world, id as TargetId), null, id);
    for (const [id, hours] of [['tgt_far', 24], ['tgt_date', 1]] as const) {
      const leftMs = ((await holdOf(world, id as TargetId)) ?? 0) - Date.now();
      assert.ok(leftMs <= hours * HOUR_MS + 1_000 && leftMs > hours * HOUR_MS - 20_000, `${id} is held for ${leftMs} ms`);
    }
  });
});

test('37: a 410 disables its target at once, the delivery is a dead letter with its reason, and operators are told', () =>
  inWorld({ env: { ...FAR, DOWNSTREAM_URL: undefined }, behaviour: ({ path }) => answer(path === '/gone' ? 410 : 200) }, async (world) => {
    await registerAt(world, ONE, { url: `${world.sinkUrl}/gone`, eventTypes: ['order.*'], limits: { ratePerSecond: 0, concurrency: 1 } });
    await registerAt(world, TWO, { url: `${world.sinkUrl}/ops`, eventTypes: ['hooktail.target.disabled'] });
    const server = await world.server();
    await world.processor();
    await sendMany({ url: server.url, secret: INGEST_SECRET, count: 20, concurrency: 20 });
    await eventually(async () => assert.equal((await world.store.targets.findOne({ _id: ONE }))?.status, 'disabled'));
    assert.equal(world.sink.requests.filter(({ path }) => path === '/gone').length, 1, 'nothing more was sent there');
    const [dead, ...more] = await world.store.deliveries.find({ targetId: ONE, state: 'dead' }).toArray();
    assert.deepEqual([dead?.reason, more.length], ['gone: the receiver answered 410', 0]);
    const notice = await eventually(() => world.sink.requests.find(({ path }) => path === '/ops') ?? assert.fail('no notice'));
    const { at: _at, ...told } = JSON.parse(notice.body.toString()) as Record<string, string>;
    assert.deepEqual(told, { type: 'hooktail.target.disabled', targetId: ONE, url: `${world.sinkUrl}/gone`, reason: 'gone: the receiver answered 410' });
  }));

test('38: a bad certificate is a failure called tls that opens the breaker, however many events there are, and takes no memory', async () => {
  const receiver = createTlsServer(selfSigned()).listen(0, '127.0.0.1').on('tlsClientError', () => undefined);
  await once(receiver, 'listening');
  const url = `https://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  try {
    await inWorld({ env: { ...FAR, DOWNSTREAM_URL: url, TARGET_CONCURRENCY: '5' } }, async (world) => {
      const server = await world.server();
      const processor = await world.processor();
      await sendMany({ url: server.url, secret: INGEST_SECRET, count: 500, concurrency: 20 });
      await processor.told.until('breaker.opened');
      await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({}), 500), { timeoutMs: 30_000 });
      const tried = await world.store.deliveries.find({ attemptCount: 1 }).toArray();
      assert.ok(tried.length >= 10 && tried.length < 20, `${tried.length} were tried`);
      for (const { state, attempts } of tried) assert.deepEqual([state, attempts.map(({ error }) => error?.split(':')[0])], ['waiting', ['tls']]);
      assert.equal((await breakerOf(world, DEFAULT_TARGET_ID))?.state, 'open');
    });
    await tryOften(receiver, url, 10_000);
  } finally {
    receiver.close();
  }
});

/** Without a breaker between: as many handshakes as that fail, and no more memory at the end than after the first of them. */
async function tryOften(receiver: Server, url: string, count: number): Promise<void> {
  const sender = createSender(systemClock, createAddressGuard(['127.0.0.0/8']));
  const request = { url, headers: {}, body: Buffer.from('{}'), timeoutMs: 60_000 };
  let warm = 0;
  try {
    for (let done = 0; done < count; done += 50) {
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => sender.send(request)));
      for (const outcome of outcomes) assert.ok(outcome.kind === 'network' && outcome.fault === 'tls', JSON.stringify(outcome));
      // The receiver lives in this process too, and what it has yet to close is not the sender's.
      await eventually(async () => assert.equal(await promisify(receiver.getConnections.bind(receiver))(), 0), { everyMs: 1 });
      if (done === count / 4) warm = await residentBytes();
    }
  } finally {
    await sender.close();
  }
  const end = await residentBytes();
  // A handshake that was kept would be 150 MiB in all.
  assert.ok(end < warm + 50 * 1_048_576, `RSS went from ${warm} to ${end} bytes`);
}

test('39: 20 kB of headers, a broken status line, HTTP/0.9 and a 101 are bad responses, each tried once, and the processor goes on', async () => {
  const words: Readonly<Record<string, string>> = {
    '/headers': `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\ncontent-length: 0\r\n\r\n`,
    '/line': 'HTTP/1.1 abc OK\r\n\r\n',
    '/old': '<html>hello</html>\r\n',
    '/switch': 'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n',
  };
  const receiver = createServer((socket) => {
    socket.on('error', () => undefined).once('data', (chunk) => socket.end(words[/^POST (\S+)/.exec(chunk.toString('latin1'))?.[1] ?? ''] ?? ''));
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  try {
    await inWorld({ env: FAR }, async (world) => {
      const paths = Object.keys(words);
      for (const path of paths) await registerAt(world, `tgt_${path.slice(1)}` as TargetId, { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}${path}` });
      const server = await world.server();
      await world.processor();
      await post(server.url);
      await eventually(async () => assert.equal(await world.store.deliveries.countDocuments({ state: 'waiting' }), paths.length));
      for (const { targetId, attempts } of await world.store.deliveries.find({ state: 'waiting' }).toArray()) {
        assert.deepEqual(attempts.map(({ error, quickRetry }) => [error?.split(':')[0], quickRetry]), [['bad_response', 0]], targetId);
      }
      await eventually(() => assert.equal(world.sink.requests.length, 1, 'the healthy target has it'));
    });
  } finally {
    receiver.close();
  }
});

test('40: killed after the 200 and before it was written down, it is delivered again under the same id, and recorded once', () =>
  inWorld({ env: { ...FAR, PROCESSOR_NAME: 'one' } }, async (world) => {
    const server = await world.server();
    const first = await world.child('processor');
    world.sink.behave(async ({ seen }) => {
      if (seen === 1) await first.kill('SIGKILL'); // The answer is on its way, and nobody is there to hear it.
      return answer(200);
    });
    const { body } = await post(server.url);
    await first.exit;
    await world.processor();
    await world.settled(1);
    assert.deepEqual(world.sink.requests.map(({ id, attempt }) => [id, attempt]), [[body.id, 1], [body.id, 1]]);
    const delivery = await world.store.deliveries.findOne({});
    assert.deepEqual([delivery?.state, delivery?.attemptCount], ['delivered', 1]);
  }));
