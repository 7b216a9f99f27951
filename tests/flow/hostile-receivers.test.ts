/**
 * Receivers that do harm, by their numbers in the table of hostile cases (25 to 33), and some beside it. Each is real, on a socket of
 * its own; 127.0.0.1 is the only public address of this world, so that every other one of this machine is private.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createAddressGuard } from '../../src/delivery/guard.ts';
import { createSender } from '../../src/delivery/sender.ts';
import type { TargetId } from '../../src/domain/ids.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { DeliveryDocument } from '../../src/store/store.ts';
import { registerTarget } from '../../src/store/targets.ts';
import { startLocalMongo, type LocalMongo } from '../../tools/local-mongo.ts';
import { eventually } from '../support/eventually.ts';
import { residentBytes } from '../support/memory.ts';
import { post } from '../support/post.ts';
import { startTinyDns, type TinyDns } from '../support/tiny-dns.ts';
import { DOWNSTREAM_SECRET, World } from '../support/world.ts';
import { HARMS, HostileReceiver, QUICK_HARMS } from '../../torture/hostile-receiver.ts';

const TIMEOUT_MS = 1_500;
const NAMES = { changing: 'changing.test', mixed: 'mixed.test' } as const;

interface Stage {
  readonly mongo: LocalMongo;
  readonly world: World;
  readonly receiver: HostileReceiver;
  readonly dns: TinyDns;
  /** Takes connections and says nothing, not even hello. */
  readonly mute: Server;
  readonly url: string;
}

let stage: Stage | null = null;
const here = (): Stage => stage ?? assert.fail('nothing is started');

/** Targets by name: each gets what is of the type `<name>.made`. */
function urlsOf(receiver: HostileReceiver, mute: Server): Readonly<Record<string, string>> {
  const harms = Object.fromEntries(Object.keys(HARMS).map((harm) => [harm, receiver.urlOf(harm)]));
  const places: Readonly<Record<string, string>> = { metadata: 'http://169.254.169.254/latest/meta-data/', short: receiver.urlOf('well', '127.2'), decimal: receiver.urlOf('well', '2130706434'), hex: receiver.urlOf('well', '0x7f000002'), mapped: receiver.urlOf('well', '[::ffff:10.0.0.1]'), service: 'http://127.0.0.1:27017/' };
  return {
    ...harms,
    ...Object.fromEntries(Object.entries(places).map(([name, url]) => [`25-${name}`, url])),
    '26-changing': receiver.urlOf('well', NAMES.changing), '27-mixed': receiver.urlOf('well', NAMES.mixed),
    'tls-to-plain': receiver.urlOf('well', '127.0.0.1', 'https'), 'slow-tls': `https://127.0.0.1:${(mute.address() as AddressInfo).port}/`,
  };
}

before(async () => {
  const mongo = await startLocalMongo();
  const [receiver, dns, mute] = [await HostileReceiver.start(), await startTinyDns(), createServer().listen(0, '127.0.0.1')];
  await once(mute, 'listening');
  const world = await World.create({ uri: mongo.uri, env: { SSRF_ALLOW_CIDRS: '127.0.0.1/32', GLOBAL_CONCURRENCY: '12' } });
  for (const [name, url] of Object.entries(urlsOf(receiver, mute))) await registerTarget(world.store, {
    id: `tgt_${name}` as TargetId, url, eventTypes: [`${name}.made`], secrets: [DOWNSTREAM_SECRET], freshSecret: '', limits: { ratePerSecond: 0, concurrency: 0 }, timeoutMs: TIMEOUT_MS, retry: { scheduleMs: [], maxAttempts: 1 },
  });
  const env = { DOWNSTREAM_URL: '' };
  const server = await world.server(env);
  await world.processor(env, { lookup: dns.lookup });
  stage = { mongo, world, receiver, dns, mute, url: server.url };
});

after(async () => {
  if (stage === null) return;
  await stage.world.end();
  stage.mute.close();
  await Promise.all([stage.receiver.stop(), stage.dns.close()]);
  await stage.mongo.stop();
});

/** Sends one event to the target of this name; resolves with what came of it. */
async function deliver(name: string): Promise<DeliveryDocument> {
  const { world, url } = here();
  const { body } = await post(url, { body: JSON.stringify({ type: `${name}.made` }) });
  return eventually(async () => (await world.store.deliveries.findOne({ eventId: body.id as never, state: { $in: ['delivered', 'dead'] } })) ?? assert.fail(`nothing came of ${name} yet`), { timeoutMs: 20_000 });
}

const last = ({ attempts }: DeliveryDocument): DeliveryDocument['attempts'][number] => attempts.at(-1) ?? assert.fail('there was no attempt');

/** As soon as the status had come, it is a success, whatever came after; with a note where something was wrong. */
async function isSuccessWith(name: string, note: RegExp): Promise<DeliveryDocument> {
  const delivery = await deliver(name);
  assert.deepEqual([delivery.state, last(delivery).status], ['delivered', 200], JSON.stringify(delivery));
  assert.match(last(delivery).error ?? '', note);
  return delivery;
}

async function isFault(name: string, error: RegExp): Promise<DeliveryDocument> {
  const delivery = await deliver(name);
  assert.deepEqual([delivery.state, last(delivery).status], ['dead', null], JSON.stringify(delivery));
  assert.match(last(delivery).error ?? '', error);
  return delivery;
}

/** Blocked: no retry can help, and nobody was connected to. */
async function isBlocked(name: string): Promise<void> {
  const { receiver } = here();
  const before = receiver.connectedTo.length;
  const delivery = await deliver(name);
  assert.deepEqual([delivery.state, delivery.attempts.length, last(delivery).outcome, receiver.connectedTo.length], ['dead', 1, 'blocked', before], JSON.stringify(delivery));
  assert.match(delivery.reason ?? '', /^blocked: /);
}

describe('where a target leads', () => {
  for (const spelling of ['metadata', 'short', 'decimal', 'hex', 'mapped', 'service']) test(`25: a private address or an internal service is blocked without a socket (${spelling})`, () => isBlocked(`25-${spelling}`));

  test('26: a name that was public when it was saved, and is private when it is dialled, is blocked', async () => {
    const { dns } = here();
    dns.say(NAMES.changing, ['127.0.0.2']);
    await isBlocked('26-changing');
    dns.say(NAMES.changing, ['127.0.0.1']);
    assert.equal((await deliver('26-changing')).state, 'delivered');
  });

  test('27: a name with public and private addresses is blocked', async () => {
    here().dns.say(NAMES.mixed, ['127.0.0.1', '10.0.0.1']);
    await isBlocked('27-mixed');
  });

  test('28: a redirect to a private address is a failure and not followed', async () => {
    const delivery = await deliver('28-redirect');
    assert.deepEqual([delivery.state, last(delivery).status], ['dead', 302]);
    assert.deepEqual([here().receiver.asked.includes('stolen'), here().receiver.connectedTo.includes('127.0.0.2')], [false, false]);
  });
});

describe('what takes long', () => {
  const inTime = (delivery: DeliveryDocument): void => {
    const { durationMs } = last(delivery);
    assert.ok(durationMs >= TIMEOUT_MS - 5 && durationMs < TIMEOUT_MS + 1_500, `took ${durationMs} ms`);
  };

  test('29: silence ends at the deadline, its slot is free again, and others notice nothing meanwhile', async () => {
    // One more would open the breaker, and what waits then is not attempted.
    const hanging = Array.from({ length: 9 }, () => deliver('29-silent'));
    await eventually(() => assert.ok(here().receiver.asked.filter((harm) => harm === '29-silent').length >= 5));
    const wells = await Promise.all(Array.from({ length: 5 }, () => deliver('well')));
    assert.deepEqual(wells.map(({ state }) => state), wells.map(() => 'delivered'));
    for (const delivery of await Promise.all(hanging)) {
      assert.match(last(delivery).error ?? '', /^timeout: no answer within 1500 ms/);
      inTime(delivery);
    }
  });

  test('a TLS handshake that is never answered ends at the same deadline', async () => inTime(await isFault('slow-tls', /^timeout: /)));
  test('30: a head that drips ends at the same deadline, in all', async () => inTime(await isFault('30-dripping-head', /^timeout: /)));
  test('30: a body that drips does too, and its status counts', async () => inTime(await isSuccessWith('30-dripping-body', /^the answer broke off: there was no more time/)));
});

describe('what is too much', () => {
  test('31: 200 and then a gigabyte is a success; 16 KiB are read', async () => {
    const { receiver } = here();
    const before = receiver.bytesWritten;
    const delivery = await isSuccessWith('31-gigabyte', /longer than 16384 bytes/);
    assert.equal(last(delivery).responseExcerpt?.length, 1_024);
    await eventually(() => assert.notEqual(receiver.bytesWritten, before));
    // What the kernels of both sides hold on the way is all that more could be.
    assert.ok(receiver.bytesWritten - before < 32 * 1_048_576, `${receiver.bytesWritten - before} bytes were taken`);
  });

  test('33: a gzip bomb is never inflated', async () => {
    const delivery = await deliver('33-bomb');
    assert.deepEqual([delivery.state, last(delivery).status], ['delivered', 200]);
    assert.ok((last(delivery).responseExcerpt ?? '').length <= 1_024 && !(last(delivery).responseExcerpt ?? '').includes('xxxxxxxx'));
  });

  test('headers without end, many or one, are no answer', async () => {
    await isFault('endless-headers', /^bad_response: /);
    await isFault('endless-header', /^bad_response: /);
  });

  test('interim answers without end are no answer', async () => {
    await isFault('endless-interim', /^bad_response: more than 20 interim answers/);
  });
});

describe('what breaks off or lies', () => {
  test('32: 200 and then a reset is a success with a note', async () => {
    await isSuccessWith('32-reset', /^the answer broke off: /);
  });
  for (const name of ['garbage-chunks', 'huge-chunk', 'length-too-long']) test(`200 and then ${name.replaceAll('-', ' ')} is a success with a note`, async () => {
    await isSuccessWith(name, /^the answer broke off: /);
  });

  for (const [name, error] of [['fin-before-head', /^reset: /], ['fin-in-head', /^(reset|bad_response): /], ['length-negative', /^bad_response: /], ['upgrade', /^(reset|bad_response|other): /], ['tls-to-plain', /^(tls|reset): /]] as const)
    test(`${name.replaceAll('-', ' ')} is no answer`, async () => {
    await isFault(name, error);
  });

  for (const [name, status] of [['no-content-with-body', 204], ['length-too-short', 200]] as const)
    test(`${name.replaceAll('-', ' ')}: the surplus is no answer to the next event`, async () => {
      for (let count = 0; count < 3; count += 1) {
        const before = here().receiver.asked.filter((harm) => harm === name).length;
        const delivery = await deliver(name);
        assert.equal(last(delivery).status, status);
        assert.ok(here().receiver.asked.filter((harm) => harm === name).length > before, 'it was delivered to the receiver itself');
      }
    });
});

test('memory stays flat over thousands of hostile answers', async () => {
  const { receiver } = here();
  const sender = createSender(systemClock, createAddressGuard(['127.0.0.1/32']));
  const suffer = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 20) await Promise.all(QUICK_HARMS.slice(0, 20).map((harm) => sender.send({ url: receiver.urlOf(harm), headers: {}, body: Buffer.from('{}'), timeoutMs: 5_000 })));
  };
  await suffer(3_000);
  const before = await residentBytes();
  await suffer(6_000);
  const grownMiB = ((await residentBytes()) - before) / 1_048_576;
  await sender.close();
  // The heap keeps some room for itself; what leaks with each answer would outgrow it.
  assert.ok(grownMiB < 64, `grown by ${grownMiB.toFixed(0)} MiB`);
});

test('after all that, a receiver that is well is served as before', async () => {
  assert.deepEqual((await Promise.all(Array.from({ length: 20 }, () => deliver('well')))).map(({ state }) => state), Array.from({ length: 20 }, () => 'delivered'));
});
