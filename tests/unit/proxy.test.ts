/** The proxy that faults of the network are made with: each fault is what it says, and nothing else. Over loopback, against an echo. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { createProxy, type Proxy } from '../support/proxy.ts';

interface Echo {
  readonly proxy: Proxy;
  /** A connection through the proxy, and all it has been answered. */
  readonly open: () => Promise<{ readonly socket: Socket; readonly heard: () => string }>;
  /** What the server has heard, over all connections. */
  readonly told: () => string;
}

async function withEcho(run: (echo: Echo) => Promise<void>): Promise<void> {
  let told = '';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      told += chunk.toString();
      socket.write(chunk);
    });
  });
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const proxy = await createProxy({ upstream: (server.address() as AddressInfo).port });
  async function open(): Promise<{ readonly socket: Socket; readonly heard: () => string }> {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
    let heard = '';
    sockets.add(socket);
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    return { socket, heard: () => heard };
  }
  try {
    await run({ proxy, open, told: () => told });
  } finally {
    await proxy.stop();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

const hears = (heard: () => string, text: string): Promise<void> => eventually(() => assert.equal(heard(), text));

test('passes bytes both ways, in order, and an end as an end', () =>
  withEcho(async ({ proxy, open }) => {
    const { socket, heard } = await open();
    for (let number = 0; number < 10; number += 1) socket.write(String(number));
    await hears(heard, '0123456789');
    socket.end();
    await once(socket, 'close');
    await eventually(() => assert.equal(proxy.connections, 0));
  }));

test('cuts every connection by a reset, and takes new ones', () =>
  withEcho(async ({ proxy, open }) => {
    const [one, two] = [await open(), await open()];
    one.socket.write('a');
    two.socket.write('b');
    await Promise.all([hears(one.heard, 'a'), hears(two.heard, 'b')]);
    const faults = [one, two].map(async ({ socket }) => ((await once(socket, 'error')) as [NodeJS.ErrnoException])[0].code);
    assert.equal(proxy.cut(), 2);
    assert.deepEqual(await Promise.all(faults), ['ECONNRESET', 'ECONNRESET']);
    const three = await open();
    three.socket.write('c');
    await hears(three.heard, 'c');
  }));

test('refuses new connections while those there are go on, and accepts again on the same port', () =>
  withEcho(async ({ proxy, open }) => {
    const { socket, heard } = await open();
    await proxy.refuse();
    await assert.rejects(open(), { code: 'ECONNREFUSED' });
    socket.write('a');
    await hears(heard, 'a');
    await proxy.accept();
    const again = await open();
    again.socket.write('b');
    await hears(again.heard, 'b');
  }));

test('delays each chunk, either way, and keeps their order when the delay ends', () =>
  withEcho(async ({ proxy, open }) => {
    const { socket, heard } = await open();
    proxy.delay(150);
    const sentAt = performance.now();
    socket.write('a');
    await hears(heard, 'a');
    assert.ok(performance.now() - sentAt >= 295, `there and back in ${performance.now() - sentAt} ms`);
    socket.write('b');
    await eventually(() => assert.ok(performance.now() - sentAt > 320, 'on its way'));
    await proxy.heal();
    socket.write('c');
    await hears(heard, 'abc');
  }));

for (const [direction, told] of [['both', 'a'], ['toServer', 'a'], ['toClient', 'ab']] as const) {
  test(`half open (${direction}): old connections and new ones are open and say nothing, and go on where they stopped`, () =>
    withEcho(async (echo) => {
      const old = await echo.open();
      old.socket.write('a');
      await hears(old.heard, 'a');
      echo.proxy.halfOpen({ direction });
      old.socket.write('b');
      const fresh = await echo.open();
      await eventually(() => assert.equal(echo.told(), told));
      const until = performance.now() + 200;
      await eventually(() => assert.ok(performance.now() >= until, 'some time has gone by'));
      assert.equal(echo.told(), told);
      assert.equal(old.heard(), 'a');
      assert.ok(!old.socket.destroyed && !fresh.socket.destroyed, 'both are open');
      await echo.proxy.heal();
      await hears(old.heard, 'ab');
      fresh.socket.write('c');
      await hears(fresh.heard, 'c');
    }));
}

test('half opens one chosen connection and leaves the others alone', () =>
  withEcho(async ({ proxy, open }) => {
    const [one, two] = [await open(), await open()];
    one.socket.write('a');
    two.socket.write('b');
    await Promise.all([hears(one.heard, 'a'), hears(two.heard, 'b')]);
    const [chosen = 0, other] = proxy.ports();
    assert.ok(other !== undefined && other !== chosen, 'two ports');
    proxy.halfOpen({ from: chosen });
    one.socket.write('c');
    two.socket.write('d');
    await eventually(() => assert.equal([one.heard(), two.heard()].filter((text) => text.length === 2).length, 1));
    const three = await open();
    three.socket.write('e');
    await hears(three.heard, 'e');
    assert.equal([one.heard(), two.heard()].filter((text) => text.length === 2).length, 1);
    assert.throws(() => proxy.halfOpen({ from: 1 }), /got none/);
  }));
