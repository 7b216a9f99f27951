/**
 * One HTTP try against a receiver that speaks bytes, not HTTP, so that it can misbehave in every way. Over loopback; deadlines
 * run on the fake clock, and only once the receiver has come as far as the test says.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Outcome } from '../../src/domain/attempt.ts';
import { createAddressGuard } from '../../src/delivery/guard.ts';
import { createSender, type Sender } from '../../src/delivery/sender.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

interface World {
  readonly clock: FakeClock;
  readonly sender: Sender;
  readonly port: number;
  /** Every connection the receiver has had, with all it has said. */
  readonly connections: { readonly socket: Socket; said: string; closed: boolean }[];
  readonly send: (url?: string) => Promise<Outcome>;
}

/** What the receiver does once a whole request has come. */
type Receiver = (socket: Socket) => void;

async function withReceiver(receive: Receiver, use: (world: World) => Promise<void>, allow: readonly string[] = ['127.0.0.0/8']): Promise<void> {
  const connections: World['connections'] = [];
  const server: Server = createServer((socket) => {
    const connection = { socket, said: '', closed: false };
    connections.push(connection);
    socket.on('error', () => undefined).on('close', () => (connection.closed = true));
    socket.setEncoding('latin1').on('data', (text: string) => {
      connection.said += text;
      if (text.endsWith('{"a":1}')) receive(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clock = new FakeClock();
  const sender = createSender(clock, createAddressGuard(allow));
  const send = (url = `http://127.0.0.1:${port}/hook?x=1`): Promise<Outcome> => sender.send({ url, headers: { 'content-type': 'application/json', 'webhook-id': 'evt_1' }, body: Buffer.from('{"a":1}'), timeoutMs: 15_000 });
  try {
    await use({ clock, sender, port, connections, send });
    assert.equal(clock.sleeping, 0, 'a deadline was left behind');
  } finally {
    await sender.close();
    for (const { socket } of connections) socket.destroy();
    server.close();
  }
}

const says = (text: string | Buffer): Receiver => (socket) => void socket.write(text);
const answer = (status: string, headers = '', body = ''): string => `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
const answered = (outcome: Outcome): Extract<Outcome, { kind: 'answered' }> => (outcome.kind === 'answered' ? outcome : assert.fail(`expected an answer, got ${JSON.stringify(outcome)}`));
const sentence = (outcome: Outcome): string => (outcome.kind === 'network' ? `${outcome.kind} ${outcome.fault}` : outcome.kind);

describe('an answer', () => {
  test('is told with its status, its Retry-After and an excerpt, and what was sent arrives as it is', () =>
    withReceiver(says(answer('429 Slow', 'retry-after: 120\r\n', 'busy')), async ({ send, connections }) => {
      assert.deepEqual(await send(), { kind: 'answered', status: 429, retryAfter: '120', excerpt: 'busy' });
      const said = connections[0]?.said ?? '';
      assert.match(said, /^POST \/hook\?x=1 HTTP\/1\.1\r\n/);
      assert.match(said, /\r\nwebhook-id: evt_1\r\n/);
      assert.match(said, /\r\n\r\n\{"a":1\}$/);
    }));

  test('of any status is an answer; a redirect is not followed', () =>
    withReceiver(says(answer('302 Found', 'location: /elsewhere\r\n')), async ({ send, connections }) => {
      assert.equal(answered(await send()).status, 302);
      assert.deepEqual([connections.length, connections[0]?.said.match(/POST/g)?.length], [1, 1]);
    }));

  test('without a body, and one that ends with the connection, are whole', async () => {
    await withReceiver(says('HTTP/1.1 204 No Content\r\n\r\n'), async ({ send }) => assert.deepEqual(await send(), { kind: 'answered', status: 204, retryAfter: null, excerpt: '' }));
    await withReceiver((socket) => void socket.end('HTTP/1.0 200 OK\r\n\r\nfine'), async ({ send }) => assert.deepEqual(await send(), { kind: 'answered', status: 200, retryAfter: null, excerpt: 'fine' }));
  });

  test('after a 103 is the final one', () =>
    withReceiver(says(`HTTP/1.1 103 Early Hints\r\n\r\n${answer('200 OK')}`), async ({ send }) => assert.equal(answered(await send()).status, 200)));

  test('is waited for over twenty interim ones, and given up after one more', async () => {
    const interims = (count: number): string => 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(count);
    await withReceiver(says(interims(20) + answer('200 OK')), async ({ send }) => assert.equal(answered(await send()).status, 200));
    await withReceiver(says(interims(21) + answer('200 OK')), async ({ send, connections }) => {
      assert.equal(sentence(await send()), 'network bad_response');
      await eventually(() => assert.equal(connections[0]?.closed, true));
    });
  });

  test('is not inflated, whatever it says it is', () =>
    withReceiver(says(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${gzipSync('x'.repeat(100_000)).length}\r\n\r\n`), gzipSync('x'.repeat(100_000))])), async ({ send }) => {
      const { excerpt } = answered(await send());
      assert.ok(excerpt.length > 0 && !excerpt.includes('xxxx'));
    }));

  test('keeps 1,024 characters of excerpt', () =>
    withReceiver(says(answer('500 No', '', 'é'.repeat(3_000))), async ({ send }) => assert.equal(answered(await send()).excerpt, 'é'.repeat(1_024))));

  test('leaves the connection open for the next try', () =>
    withReceiver(says(answer('200 OK')), async ({ send, connections }) => {
      for (let count = 0; count < 4; count += 1) {
        assert.equal(answered(await send()).status, 200);
        await settled();
      }
      assert.equal(connections.length, 1);
    }));
});

describe('the status decides, once it has come', () => {
  test('a body cut off half way is an answer with a note', () =>
    withReceiver((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => setImmediate(() => socket.destroy())), async ({ send }) => {
      const { status, excerpt, note } = answered(await send());
      assert.deepEqual([status, excerpt], [200, 'half']);
      assert.match(note ?? '', /^the answer broke off: ./);
    }));

  test('a body without end is an answer with a note, and its connection is given up', () =>
    withReceiver((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      const more = (): void => {
        if (socket.writable) socket.write(`1000\r\n${'x'.repeat(4_096)}\r\n`, () => setImmediate(more));
      };
      more();
    }, async ({ send, connections }) => {
      const { status, note } = answered(await send());
      assert.deepEqual([status, note], [200, 'the answer was longer than 16384 bytes; the rest was not read']);
      await eventually(() => assert.equal(connections[0]?.closed, true));
    }));

  test('a body that drips until the deadline is an answer with a note', () =>
    withReceiver(says('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ndrip'), async ({ send, clock, connections }) => {
      const outcome = send();
      await eventually(() => assert.ok((connections[0]?.socket.bytesWritten ?? 0) > 0));
      // Turns of the event loop for the head to be read: the deadline must fall into the body.
      for (let turn = 0; turn < 50; turn += 1) await settled();
      await clock.advance(15_000);
      const { status, excerpt, note } = answered(await outcome);
      assert.deepEqual([status, excerpt, note?.startsWith('the answer broke off')], [200, 'drip', true]);
      await eventually(() => assert.equal(connections[0]?.closed, true));
    }));
});


describe('no usable answer', () => {
  const cases: readonly (readonly [what: string, receive: Receiver, expected: string])[] = [
    ['a connection reset before a byte', (socket) => socket.resetAndDestroy(), 'network reset'],
    ['a connection closed before a byte', (socket) => socket.end(), 'network reset'],
    ['a status line that is none', says('HTTP/1.1 abc OK\r\n\r\n'), 'network bad_response'],
    ['HTTP/0.9', says('<html>hello</html>\r\n\r\n'), 'network bad_response'],
    ['20 kB of headers', says(answer('200 OK', `x: ${'y'.repeat(20_000)}\r\n`)), 'network bad_response'],
    ['a switch of protocols that nobody asked for', says('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'), 'network bad_response'],
    ['a bare 101', says('HTTP/1.1 101 Switching Protocols\r\n\r\n'), 'network bad_response'],
    ['a 100 that nobody asked for', says('HTTP/1.1 100 Continue\r\n\r\n'), 'network bad_response'],
    ['a broken chunk length before any status is no answer', says('\r\n\r\nzzz\r\n'), 'network bad_response'],
    ['another protocol', says('SSH-2.0-OpenSSH_9.6\r\n'), 'network bad_response'],
    ['two lengths', says('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'), 'network bad_response'],
  ];
  for (const [what, receive, expected] of cases) {
    test(`${what} is ${expected}`, () => withReceiver(receive, async ({ send }) => assert.equal(sentence(await send()), expected)));
  }

  test('a closed port is refused', () => withReceiver(says(''), async ({ send }) => assert.equal(sentence(await send('http://127.0.0.1:1024/')), 'network refused')));

  test('silence is a timeout at the deadline and no sooner, and the connection is given up', () =>
    withReceiver(() => undefined, async ({ send, clock, connections }) => {
      let outcome: Outcome | null = null;
      void send().then((ended) => (outcome = ended));
      await eventually(() => assert.match(connections[0]?.said ?? '', /\{"a":1\}$/));
      await clock.advance(14_999);
      assert.equal(outcome, null);
      await clock.advance(1);
      await eventually(() => assert.deepEqual(outcome, { kind: 'timeout', detail: 'no answer within 15000 ms' }));
      await eventually(() => assert.equal(connections[0]?.closed, true));
    }));

  test('tries under way are cut by a shutdown, all of them, and say nothing of the receiver', () =>
    withReceiver(() => undefined, async ({ send, sender, connections }) => {
      const tries = [send(), send(), send()];
      await eventually(() => assert.equal(connections.filter(({ said }) => said.endsWith('}')).length, 3));
      sender.abortAll();
      assert.deepEqual(await Promise.all(tries), [1, 2, 3].map(() => ({ kind: 'cut' })));
    }));
});

describe('the guarded door', () => {
  const spellings = ['127.0.0.1', '127.1', '2130706433', '0x7f.1', '0x7f000001', '0177.0.0.1', '127.0.0.1.', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '[::]', '0.0.0.0', '0', '10.0.0.1', '169.254.169.254', '[fd00:ec2::254]', '100.64.0.1', 'localhost'];
  for (const host of spellings) {
    test(`blocks ${host} before a socket is opened`, () =>
      withReceiver(says(answer('200 OK')), async ({ send, port, connections }) => {
        assert.equal(sentence(await send(`http://${host}:${port}/`)), 'blocked');
        assert.equal(connections.length, 0);
      }, []));
  }

  test('lets listed networks through, in every spelling of their addresses, and no others', () =>
    withReceiver(says(answer('200 OK')), async ({ send, port }) => {
      for (const host of ['127.0.0.1', '127.1', '2130706433']) assert.equal(answered(await send(`http://${host}:${port}/`)).status, 200, host);
      assert.equal(sentence(await send(`http://10.0.0.1:${port}/`)), 'blocked');
    }, ['127.0.0.1/32']));

  test('a name is blocked when any of its addresses is not allowed, and dialled when all are', () =>
    withReceiver(says(answer('200 OK')), async ({ send, port }) => {
      assert.equal(answered(await send(`http://localhost:${port}/`)).status, 200);
    }, ['127.0.0.0/8', '::1/128']));

  test('blocks what is no plain http address: other schemes, user names, no URL at all', () =>
    withReceiver(says(answer('200 OK')), async ({ send, port, connections }) => {
      for (const url of [`http://user@127.0.0.1:${port}/`, `http://:secret@127.0.0.1:${port}/`, 'ftp://127.0.0.1/', 'file:///etc/passwd', 'data:,x', 'nonsense', '']) assert.equal(sentence(await send(url)), 'blocked', url);
      assert.equal(connections.length, 0);
    }));

  test('blocks loopback wrapped as an IPv4-compatible address', () => {
    const guard = createAddressGuard([]);
    for (const address of ['::7f00:1', '::a9fe:a9fe']) assert.notEqual(guard(address), null, address);
  });
});
