/**
 * Hostile senders, over real sockets. The numbers are those of the table of forty cases; cases 1 to 9, 11 and 14 to 20 stand also in
 * bad-input, idempotency and sources, 22 in mongo-outage, 23 in failover, 13 in hostile-timeouts. The lettered ones are further ones.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { barrage, HOSTILE } from '../../torture/hostile.ts';
import { signedHeaders } from '../../tools/send/sign.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { raw, type RawAnswer } from '../support/raw.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

const { inWorld } = useMongo();
const PATH = '/api/v1/webhooks/ingest';
const BODY = '{"type":"order.created"}';

const signed = (body: string | Uint8Array = BODY): string =>
  Object.entries(signedHeaders(INGEST_SECRET, randomUUID(), Buffer.from(body), Date.now(), 'x')).map(([name, value]) => `${name}: ${value}\r\n`).join('');
/** A well-signed request with something more, or something else, in its headers and behind them. */
const request = (more: string, rest: string = BODY, line = `POST ${PATH} HTTP/1.1`): string => `${line}\r\nHost: x\r\n${signed()}${more}\r\n${rest}`;
const LENGTH = `Content-Length: ${BODY.length}\r\n`;
const CLOSE = 'Connection: close\r\n';

/** A server in this process; afterwards it must still take events, and nothing may have been a fault of ours. */
async function withServer(world: World, hurt: (url: string) => Promise<void>): Promise<void> {
  const { url, telemetry } = await world.server();
  const faults: unknown[] = [];
  telemetry.listen((name, fields) => {
    if (name === 'request.failed') faults.push(fields);
  });
  await hurt(url);
  assert.equal((await post(url)).status, 202, 'a good request is served afterwards');
  assert.deepEqual(faults, []);
}

const send = (url: string, bytes: string): Promise<RawAnswer> => raw(url, Buffer.from(bytes, 'latin1'), { timeoutMs: 10_000 });

describe('a request that is no request', () => {
  const cases: readonly (readonly [what: string, bytes: string, status: number])[] = [
    ['case 12: a length and chunks', request(`${LENGTH}Transfer-Encoding: chunked\r\n`, '0\r\n\r\n'), 400],
    ['case 12: two lengths', request('Content-Length: 24\r\nContent-Length: 25\r\n'), 400],
    ['case 12: the same length twice', request(`${LENGTH}${LENGTH}`), 400],
    ['case 12: a list of lengths', request('Content-Length: 24, 24\r\n'), 400],
    ['case 12: a length that is no number', request('Content-Length: abc\r\n'), 400],
    ['case 12: a length below nothing', request('Content-Length: -1\r\n'), 400],
    ['case 12: a length in hex', request('Content-Length: 0x18\r\n'), 400],
    ['case 12: a length beyond all numbers', request('Content-Length: 99999999999999999999\r\n'), 400],
    ['case 14: headers over 16 KiB', request(`X-Long: ${'x'.repeat(20_000)}\r\n`), 431],
    ['case 9: a key with a control character', request(LENGTH).replace(/X-Idempotency-Key: \S+/, 'X-Idempotency-Key: a\x07b'), 400],
    ['a: chunks and something else', request('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'), 400],
    ['a: an unknown encoding', request('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), 400],
    ['a: a space before the colon', request('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'), 400],
    ['a: chunks twice', request('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
    ['a: a folded header', request(`X-Odd: a\r\n b\r\n${LENGTH}`), 400],
    ['a: bare line feeds', request(LENGTH).replaceAll('\r\n', '\n'), 400],
    ['a: a bare carriage return', request(`X-Odd: a\rX-More: b\r\n${LENGTH}`), 400],
    ['b: a chunk of more than there is', request('Transfer-Encoding: chunked\r\n', 'fffffffffffffffff\r\n'), 400],
    ['b: a chunk below nothing', request('Transfer-Encoding: chunked\r\n', '-1\r\n'), 400],
    ['b: a chunk extension of 20 kB', request('Transfer-Encoding: chunked\r\n', `1;${'a'.repeat(20_000)}\r\n{\r\n0\r\n\r\n`), 400],
    ['c: a NUL in a header', request(`X-Odd: a\0b\r\n${LENGTH}`), 400],
    ['c: a NUL in the path', request(LENGTH, BODY, 'POST /\0 HTTP/1.1'), 400],
    ['d: a target of 20 kB', request(LENGTH, BODY, `POST /${'a'.repeat(20_000)} HTTP/1.1`), 431],
    ['d: an absolute target that is none', request(`${CLOSE}${LENGTH}`, BODY, 'POST http://[:: HTTP/1.1'), 400],
    ['d: OPTIONS *', `OPTIONS * HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, 400],
    ['d: a method that is none', 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['e: no host', `GET /livez HTTP/1.1\r\n${CLOSE}\r\n`, 400],
    ['e: a host with a path', `GET /livez HTTP/1.1\r\nHost: x/../y\r\n${CLOSE}\r\n`, 400],
    ['f: HTTP/2 without being asked', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['f: HTTP/0.9', 'GET /\r\n\r\n', 400],
    ['f: a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['g: another expectation', request(`Expect: 200-ok\r\n${CLOSE}${LENGTH}`), 417],
  ];
  test('is refused, its connection closed, and stores nothing', () =>
    inWorld({}, async (world) => {
      await withServer(world, async (url) => {
        for (const [what, bytes, status] of cases) {
          const { statuses, closed } = await send(url, bytes);
          assert.deepEqual([statuses, closed], [[status], true], what);
        }
      });
      assert.equal(await world.store.events.countDocuments(), 1, 'the good one');
    }));

  test('d: as a tunnel is cut without a word', () =>
    inWorld({}, (world) => withServer(world, async (url) => assert.deepEqual((await send(url, 'CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n')).statuses, []))));
});

describe('a request that only looks odd', () => {
  test('d: is taken for what it is, wherever it says that it goes, and asks nobody else', () =>
    inWorld({}, (world) => withServer(world, async (url) => {
      const targets = [[`http://evil.example${PATH}`, 202], [`//evil.example${PATH}`, 404], [`${PATH}/../../../../livez`, 405], [`${PATH}/%zz%00%ff`, 401]] as const;
      for (const [target, status] of targets) assert.deepEqual((await send(url, request(`${CLOSE}${LENGTH}`, BODY, `POST ${target} HTTP/1.1`))).statuses, [status], target);
    })));

  test('h: with 10,000 headers is read as far as there are any that count, and answered', () =>
    inWorld({}, (world) => withServer(world, async (url) => {
      const [status = 0] = (await send(url, `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${CLOSE}${'a:\r\n'.repeat(10_000)}\r\n`)).statuses;
      assert.ok(status >= 400 && status < 500, String(status));
    })));

  test('g: that waits to be asked for its body is asked, and one that is announced too large is not waited for', () =>
    inWorld({}, (world) => withServer(world, async (url) => {
      const asked = request(`Expect: 100-continue\r\n${CLOSE}${LENGTH}`, '');
      assert.deepEqual((await raw(url, asked, { then: (socket) => void socket.once('data', () => socket.write(BODY)) })).statuses, [100, 202]);
      assert.deepEqual((await raw(url, request('Expect: 100-continue\r\nContent-Length: 300000\r\n', ''), { answers: 2 })).statuses, [100, 413]);
    })));

  test('i: with rubbish behind it gets its own answer, and only that', () =>
    inWorld({}, async (world) => {
      await withServer(world, async (url) => {
        for (const rest of [`${BODY}\0\0 rubbish\r\n\r\n`, `${BODY}${BODY}\r\n\r\n`]) {
          const { statuses, closed } = await send(url, request(LENGTH, rest));
          assert.deepEqual([statuses, closed], [[202], true]);
        }
      });
      assert.equal(await world.store.events.countDocuments(), 3);
    }));

  test('i: with others behind it gets as many answers, in order', () =>
    inWorld({}, (world) => withServer(world, async (url) => {
      const { statuses } = await raw(url, `${request(LENGTH)}GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n${request(LENGTH)}`, { answers: 3 });
      assert.deepEqual(statuses, [202, 404, 202]);
    })));
});

describe('a body', () => {
  test('case 10: that is announced too large is refused before any of it has come', () =>
    inWorld({}, (world) => withServer(world, async (url) => {
      const { statuses, text } = await raw(url, request('Content-Length: 262145\r\n', ''), { answers: 1, timeoutMs: 5_000 });
      assert.deepEqual(statuses, [413]);
      assert.match(text, /"code":"body_too_large"/);
    })));

  test('case 11: that is too large in chunks is refused while it comes', () =>
    inWorld({}, (world) => withServer(world, async (url) => {
      const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
      assert.deepEqual((await raw(url, request('Transfer-Encoding: chunked\r\n', chunk.repeat(20)), { answers: 1 })).statuses, [413]);
    })));

  test('case 15: that is no UTF-8 is refused for that', () =>
    inWorld({}, (world) => withServer(world, async (url) => {
      assert.deepEqual(await post(url, { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]) }).then(({ status, body }) => [status, body.code]), [400, 'invalid_utf8']);
    })));

  test('case 16: of 100,000 levels or 60,000 keys is refused at once and overflows nothing', () =>
    inWorld({ env: { INGEST_MAX_BODY_BYTES: '8388608' } }, (world) => withServer(world, async (url) => {
      for (const body of ['[', '{"a":'].map((open) => open.repeat(100_000))) assert.equal((await post(url, { body })).body.code, 'json_too_complex');
      assert.equal((await post(url, { body: `{${Array.from({ length: 60_000 }, (_, n) => `"${n}":1`).join(',')}}` })).body.code, 'json_too_complex');
    })));

  test('case 18: with numbers, keys and letters that parsers change is delivered byte for byte', () =>
    inWorld({}, async (world) => {
      const body = '{ "n": 9007199254740993, "n": 1e400, "lone": "\\ud800", "type":"order.created", "emoji": "😀", "z": -0.0 }';
      await world.processor();
      await withServer(world, async (url) => assert.equal((await post(url, { body })).status, 202));
      await world.settled(2);
      assert.ok(world.sink.requests.some((request) => request.body.toString('utf8') === body));
    }));
});

describe('too many requests', () => {
  const from = (address: string): Readonly<Record<string, string>> => ({ 'X-Forwarded-For': `203.0.113.1, ${address}` });

  test('case 21: of one address are refused with the time to come again, before they are read; other addresses are not', () =>
    inWorld({ env: { INGEST_RATE_PER_ADDRESS: '20', TRUST_PROXY: '1' } }, (world) => withServer(world, async (url) => {
      const answers = await Promise.all(Array.from({ length: 601 }, () => post(url, { headers: { ...from('198.51.100.1'), 'X-Signature': 'forged' } })));
      const refused = answers.filter(({ status }) => status === 429);
      assert.ok(refused.length > 100 && answers.length - refused.length >= 40, `${refused.length} refused`);
      for (const { headers, body } of refused) assert.deepEqual([headers.get('retry-after'), body.code], ['1', 'rate_limited']);
      assert.equal((await post(url, { headers: from('198.51.100.2') })).status, 202);
    })));

  test('case 21: of the default source are refused once they are signed', () =>
    inWorld({ env: { INGEST_RATE_PER_SOURCE: '1' } }, async (world) => {
      const { url } = await world.server();
      for (let count = 0; count < 5; count += 1) assert.equal((await post(url, { secret: 'another' })).status, 401);
      const statuses = (await Promise.all(Array.from({ length: 6 }, () => post(url)))).map(({ status }) => status);
      assert.equal(statuses.filter((status) => status === 202).length, 2);
      assert.equal(statuses.filter((status) => status === 429).length, 4);
    }));
});

describe('the end', () => {
  test('case 24: by SIGTERM lets the request that has begun finish, takes no other, and exits 0', () =>
    inWorld({}, async (world) => {
      const child = await world.child('server');
      const { url } = JSON.parse(await child.line('"event":"server.started"')) as { readonly url: string };
      const half = 10;
      let finish = (): void => undefined;
      const answer = raw(url, request(LENGTH, BODY.slice(0, half)), { then: (socket) => (finish = () => void socket.write(BODY.slice(half))) });
      await eventually(async () => assert.equal((await raw(url, `GET /readyz HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`)).statuses[0], 200));
      process.kill(child.pid, 'SIGTERM');
      await child.line('"event":"process.stopping"');
      await eventually(() => isRefused(url));
      const finishedAtMs = performance.now();
      finish();
      assert.deepEqual([(await answer).statuses, (await child.exit).code], [[202], 0]);
      assert.ok(performance.now() - finishedAtMs < 10_000, 'and waits for no other on its connection');
      assert.equal(await world.store.events.countDocuments(), 1);
    }));
});

/** @throws Error while somebody listens there */
function isRefused(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    socket.on('connect', () => {
      socket.destroy();
      reject(new Error('Expected nobody to listen, somebody does'));
    });
    socket.on('error', () => resolve());
  });
}

test('3,000 hostile requests are each refused or cut off, and the next good one is served', () =>
  inWorld({}, (world) => withServer(world, async (url) => {
    const { answers } = await barrage({ url, count: 200 * HOSTILE.length, concurrency: 20, random: Math.random });
    assert.deepEqual([...answers.keys()].filter((answer) => answer !== 'cut' && !answer.startsWith('4')), [], JSON.stringify([...answers]));
  })));
