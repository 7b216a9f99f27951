/**
 * The guarded door with a name server whose answers change: what is dialled is what was checked. Real sockets and real DNS packets
 * on loopback, where 127.0.0.0/8 plays the public network.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { describe, test } from 'node:test';
import { createAddressGuard, guardedConnector, type AddressGuard } from '../../src/delivery/guard.ts';
import { createSender, type Sender, type SenderOptions } from '../../src/delivery/sender.ts';
import type { Outcome } from '../../src/domain/attempt.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { startTinyDns, type TinyDns } from '../support/tiny-dns.ts';

interface World {
  readonly dns: TinyDns;
  readonly port: number;
  /** Local addresses that were reached, one for each connection. */
  readonly reached: string[];
  readonly send: (host?: string) => Promise<Outcome>;
}

const NAME = 'receiver.test';

async function withDoor(use: (world: World) => Promise<void>, options: SenderOptions = {}, guard: AddressGuard = createAddressGuard(['127.0.0.0/8'])): Promise<void> {
  const dns = await startTinyDns();
  const reached: string[] = [];
  const receiver: Server = createServer((socket) => {
    reached.push(socket.localAddress ?? '');
    socket.on('error', () => undefined).on('data', () => socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n'));
  }).listen(0, '0.0.0.0');
  await once(receiver, 'listening');
  const { port } = receiver.address() as AddressInfo;
  const sender: Sender = createSender(new FakeClock(), guard, { lookup: dns.lookup, ...options });
  try {
    await use({ dns, port, reached, send: (host = NAME) => sender.send({ url: `http://${host}:${port}/`, headers: {}, body: Buffer.from('{}'), timeoutMs: 15_000 }) });
  } finally {
    await sender.close();
    receiver.close();
    await dns.close();
  }
}

const word = (outcome: Outcome): string => (outcome.kind === 'answered' ? String(outcome.status) : outcome.kind === 'network' ? outcome.fault : outcome.kind);

describe('a name', () => {
  test('is looked up anew for every connection, and blocked as soon as it leads somewhere private', () =>
    withDoor(async ({ dns, send, reached }) => {
      dns.say(NAME, ['127.0.0.2']);
      assert.equal(word(await send()), '204');
      for (const address of ['169.254.169.254', '10.0.0.1', '::1', '::ffff:10.0.0.1', '64:ff9b::7f00:2', 'fd00::1']) {
        dns.say(NAME, [address]);
        assert.equal(word(await send()), 'blocked', address);
      }
      dns.say(NAME, ['127.0.0.3']);
      assert.equal(word(await send()), '204');
      assert.deepEqual(reached, ['127.0.0.2', '127.0.0.3']);
      assert.equal(dns.asked.length, 8);
    }));

  test('with public and private addresses is blocked, in whatever order they come', () =>
    withDoor(async ({ dns, send, reached }) => {
      for (const addresses of [['127.0.0.2', '10.0.0.1'], ['10.0.0.1', '127.0.0.2'], ['127.0.0.2', 'fd00::1'], ['127.0.0.2', '127.0.0.3', '127.0.0.4', '169.254.169.254']]) {
        dns.say(NAME, addresses);
        assert.equal(word(await send()), 'blocked', addresses.join());
      }
      assert.deepEqual(reached, []);
    }));

  test('is dialled at the very address that was checked, though the next answer would be another', () =>
    withDoor(async ({ dns, send, reached }) => {
      dns.say(NAME, ['127.0.0.2'], ['169.254.169.254'], ['127.0.0.3']);
      assert.deepEqual([word(await send()), reached, dns.asked.length], ['204', ['127.0.0.2'], 1]);
      assert.deepEqual([word(await send()), reached, dns.asked.length], ['blocked', ['127.0.0.2'], 2]);
      assert.deepEqual([word(await send()), reached, dns.asked.length], ['204', ['127.0.0.2', '127.0.0.3'], 3]);
    }));

  test('that is none, or has no address, is a fault of its DNS and no reason to give up', () =>
    withDoor(async ({ send }) => assert.equal(word(await send('nowhere.test')), 'dns')));

  test('without an address is the same', () =>
    withDoor(async ({ send }) => assert.equal(word(await send()), 'dns'), { lookup: (_name, _options, callback) => callback(null, []) }));
});

test('where a connection has led is looked at once more, so that no way around the check leads anywhere', () =>
  withDoor(async ({ port, reached }) => {
    let looks = 0;
    const changesItsMind: AddressGuard = () => (looks++ === 0 ? null : 'it has changed its mind');
    const connect = guardedConnector(changesItsMind);
    const told = await new Promise<unknown[]>((resolve) => connect({ hostname: '127.0.0.1', protocol: 'http:', port: String(port), host: '127.0.0.1' }, (...answer) => resolve(answer)));
    assert.match(String(told[0]), /BlockedAddressError: it has changed its mind/);
    assert.equal(told[1], null);
    assert.deepEqual([looks, reached.length], [2, 1]);
  }));

describe('proxies of the environment', () => {
  const NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy', 'NODE_USE_ENV_PROXY'];

  test('are never used: what they dial, nobody here can check', () =>
    withDoor(async ({ dns, send, reached }) => {
      let proxied = 0;
      const proxy = createServer((socket) => {
        proxied += 1;
        socket.destroy();
      }).listen(0, '127.0.0.1');
      await once(proxy, 'listening');
      const before = NAMES.map((name) => [name, process.env[name]] as const);
      for (const name of NAMES) process.env[name] = name.startsWith('NODE') ? '1' : `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      try {
        // One that is made after they were set, as any program would be.
        const sender = createSender(new FakeClock(), createAddressGuard(['127.0.0.0/8']), { lookup: dns.lookup });
        dns.say(NAME, ['127.0.0.2']);
        assert.equal(word(await send()), '204');
        assert.equal(word(await sender.send({ url: 'http://10.0.0.1/', headers: {}, body: Buffer.from('{}'), timeoutMs: 1_000 })), 'blocked');
        await sender.close();
      } finally {
        for (const [name, value] of before) if (value === undefined) Reflect.deleteProperty(process.env, name);
          else process.env[name] = value;
        proxy.close();
      }
      assert.deepEqual([reached.length, proxied], [1, 0]);
    }));
});

describe('what is set', () => {
  test('refuses plain http, and ports', async () => {
    await withDoor(async ({ send }) => assert.equal(word(await send('127.0.0.1')), 'blocked'), { requireHttps: true });
    const sender = createSender(new FakeClock(), createAddressGuard(['127.0.0.0/8']));
    const outcome = await sender.send({ url: 'http://127.0.0.1:6379/', headers: {}, body: Buffer.from('{}'), timeoutMs: 1_000 });
    assert.deepEqual(outcome, { kind: 'blocked', detail: 'port 6379 is one of Redis; list it in SSRF_ALLOW_PORTS to allow it' });
    await sender.close();
  });
});
