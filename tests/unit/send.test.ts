/**
 * `npm run send`: signatures against fixed vectors (made with Python's hmac, checked with openssl) and the reference library, the
 * numbers, the command line, and whole runs against a small scripted server on loopback. Time is a clock that sleeping moves.
 */
import { systemClock } from '../../src/runtime/clock.ts';
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { runToEnd, type ToolContext } from '../../tools/cli/context.ts';
import { formatTime } from '../../tools/cli/format.ts';
import { percentile, percentileTable, spreadOf } from '../../tools/cli/percentiles.ts';
import type { AttemptView, DeliveryView, EventView } from '../../tools/send/api.ts';
import { sendCommand } from '../../tools/send/command.ts';
import { shellQuoted } from '../../tools/send/curl.ts';
import { sendMany } from '../../tools/send/load.ts';
import { choosePayload, sampleBody } from '../../tools/send/payload.ts';
import { signedHeaders } from '../../tools/send/sign.ts';
import { FAKE_START_MS } from '../support/fake-clock.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const BODY = Buffer.from('{"type":"order.created","data":{"number":1}}');
const AT_MS = 1_700_000_000_999;
const accepted: Answer = [202, { id: 'evt_1', status: 'RECEIVED', duplicate: false }];
const timeOf = (ms: number): string => new Date(FAKE_START_MS + ms).toISOString();
const good: AttemptView = { number: 2, quickRetry: 0, at: timeOf(5_000), durationMs: 9.2, outcome: 'answered', status: 200, error: null, responseExcerpt: null };
const failed: AttemptView = { ...good, number: 1, at: timeOf(9), status: 503 };

describe('signed headers', () => {
  const xHeaders = (signature: string): object => ({ 'Content-Type': 'application/json', 'X-Timestamp': '1700000000', 'X-Idempotency-Key': 'order-1', 'X-Signature': signature });

  test('X-Signature with a plain secret has the fixed value', () =>
    assert.deepEqual(signedHeaders('plain secret', 'order-1', BODY, AT_MS), xHeaders('9b55c9c46dac80b327566598d2d926e9891579686812da9c81c097829d77eb30')));
  test('X-Signature with a whsec_ secret signs with its decoded bytes', () =>
    assert.deepEqual(signedHeaders(SECRET, 'order-1', BODY, AT_MS, 'x'), xHeaders('6934e620be50529c62f286a370adb59c5f13b0a5da6bcbb56ae8eac34de40a8d')));
  test('the standard set has the fixed value, which is that of the reference library too', () => {
    const headers = signedHeaders(SECRET, 'order-1', BODY, AT_MS, 'standard');
    const signature = 'v1,+U5DVLScSf92OfLfgAt74agPjZqB+vtseVM7uaU3ZWM=';
    assert.deepEqual(headers, { 'Content-Type': 'application/json', 'webhook-id': 'order-1', 'webhook-timestamp': '1700000000', 'webhook-signature': signature });
    assert.equal(new Webhook(SECRET).sign('order-1', new Date(AT_MS), BODY), signature);
  });
  test('a secret that is none is refused', () => {
    for (const secret of ['', 'whsec_short']) assert.throws(() => signedHeaders(secret, 'k', BODY, AT_MS), { code: 'invalid_secret' });
  });
});

describe('percentiles', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);

  test('are values that were measured, by the nearest rank', () => {
    assert.deepEqual([0, 1, 50, 50.5, 95, 99, 100].map((percent) => percentile(hundred, percent)), [1, 1, 50, 51, 95, 99, 100]);
  });
  test('do not depend on the order of the values, nor change it', () => {
    const values = hundred.toReversed();
    assert.deepEqual(spreadOf(values), { min: 1, p50: 50, p95: 95, p99: 99, max: 100 });
    assert.equal(values[0], 100);
  });
  test('of one value are that value, of none are none', () => {
    assert.deepEqual(spreadOf([7]), { min: 7, p50: 7, p95: 7, p99: 7, max: 7 });
    assert.equal(spreadOf([]), null);
  });
  test('stand under their names', () => {
    const lines = percentileTable('latency', { min: 0.5, p50: 2, p95: 12.3, p99: 130, max: 1_500 });
    assert.deepEqual(lines, ['             min   p50    p95     p99    max', 'latency  0.50 ms  2 ms  12 ms  130 ms  1.5 s']);
  });
});

describe('the bytes of an event', () => {
  const readStdin = (): Promise<Buffer> => Promise.resolve(BODY);
  const choose = async (data: string, type: string | null = null): Promise<string> => (await choosePayload({ type, data, size: null }, { readStdin }))(5).toString();

  test('made up, they depend on type and index alone, so the same key is the same event', () => {
    assert.deepEqual(sampleBody('order.created', 0), BODY);
    assert.notDeepEqual(sampleBody('order.created', 1), BODY);
  });
  test('are exactly as many as asked for, and never too few to hold the event', () => {
    assert.equal(sampleBody('order.created', 0, 1_000).length, 1_000);
    assert.throws(() => sampleBody('order.created', 0, 10), /--size: expected at least \d+ bytes/);
  });
  test('given ones stay as they are, unless a type is put in', async () => {
    assert.equal(await choose('{ "type" : "a.b" }'), '{ "type" : "a.b" }');
    assert.equal(await choose('{ "n": 1 }', 'a.b'), '{"n":1,"type":"a.b"}');
    assert.equal(await choose('-'), BODY.toString());
  });
  test('that are no JSON object are refused before anything is sent', async () => {
    for (const data of ['{', '[]', 'null', '@/nowhere/at/all']) await assert.rejects(choose(data), /^ToolError: --data: /);
  });
  test('quotes come through the shell', () => assert.equal(shellQuoted("it's"), String.raw`'it'\''s'`));
});

describe('npm run send', () => {
  test('signs, sends, and follows the event to its delivery', async () => {
    const views = [eventOf('RECEIVED', []), eventOf('FAILED_TEMPORARILY', [failed]), eventOf('FAILED_TEMPORARILY', [failed]), eventOf('DELIVERED', [failed, good])];
    await withServer({ event: () => [200, views.shift()] }, async (url, asked) => {
      const { code, lines } = await send(['--url', url, '--key', 'order-1'], { ADMIN_TOKEN: 'token-of-16-char' });
      assert.deepEqual([code, ...lines.slice(0, 2)], [0, '202 evt_1 accepted in 0 ms', `attempt 1 -> 503 in 9 ms, next attempt at ${formatTime(new Date(FAKE_START_MS + 5_000))}`]);
      assert.deepEqual(lines.slice(2), ['attempt 2 -> 200 in 9 ms', 'delivered 18 ms after acceptance']);
      const [posted, got] = asked;
      for (const [name, value] of Object.entries(signedHeaders(SECRET, 'order-1', BODY, FAKE_START_MS))) assert.equal(posted?.headers[name.toLowerCase()], value);
      assert.deepEqual([posted?.path, posted?.body, got?.path, got?.headers.authorization], ['/api/v1/webhooks/ingest', BODY.toString(), '/api/v1/events/evt_1', 'Bearer token-of-16-char']);
    });
  });

  const ends: readonly (readonly [string, EventView, number, RegExp])[] = [
    ['given up', eventOf('FAILED_PERMANENTLY', [failed], { state: 'dead', reason: 'gone', nextAttemptAt: null }), 1, /given up on tgt_default after 1 attempts: gone/],
    ['wanted by nobody', { ...eventOf('UNROUTED', []), deliveries: [] }, 1, /no target wants this event/],
    ['not settled in time', eventOf('FAILED_TEMPORARILY', [failed]), 5, /Gave up after 30 s: still FAILED_TEMPORARILY, next attempt at .* not lost/],
  ];
  for (const [name, view, expected, words] of ends) {
    test(`an event that is ${name} ends it with exit code ${expected}`, () =>
      withServer({ event: () => [200, view] }, async (url) => {
        const { code, lines, notes } = await send(['--url', url]);
        assert.equal(code, expected);
        assert.match([...lines, ...notes].join('\n'), words);
      }));
  }

  test('a server that stumbles while the event is followed is asked again', () => {
    const answers: Answer[] = [[503, { code: 'unavailable', detail: 'No primary' }], [200, eventOf('DELIVERED', [good])]];
    return withServer({ event: () => answers.shift() ?? [500, null] }, async (url) => assert.equal((await send(['--url', url])).code, 0));
  });

  test('a missing token is told with its fix', () =>
    withServer({ event: () => [401, { code: 'unauthorized', detail: 'A bearer token is needed' }] }, async (url) => {
      const { code, notes } = await send(['--url', url]);
      assert.equal(code, 2);
      assert.match(notes.join('\n'), /401 unauthorized: A bearer token is needed. Fix: set ADMIN_TOKEN/);
    }));

  test('a refused event is told by code and reason, with exit code 1', () =>
    withServer({ ingest: () => [401, { code: 'bad_signature', detail: 'No secret fits' }] }, async (url) => {
      const { code, notes } = await send(['--url', url]);
      assert.deepEqual([code, notes], [1, ['401 bad_signature: No secret fits']]);
    }));

  test('an answer of somebody else is not taken for one of the server', () =>
    withServer({ ingest: () => [200, { hello: 'world' }] }, async (url) => assert.match((await send(['--url', url])).notes.join(), /unexpected_answer/)));

  test('--json prints one object, --no-wait does not follow', () =>
    withServer({ event: () => [200, eventOf('DELIVERED', [good])] }, async (url, asked) => {
      const followed = await send(['--url', url, '--json']);
      const unfollowed = await send(['--url', url, '--json', '--no-wait']);
      const [first, second] = [followed, unfollowed].map(({ lines }) => JSON.parse(lines.join('\n')) as { readonly ended?: string; readonly accepted: { readonly id: string } });
      assert.deepEqual([first?.ended, first?.accepted.id, second?.accepted.id, asked.length], ['settled', 'evt_1', 'evt_1', 3]);
    }));

  test('many events have a key each, are counted, and told in numbers', () =>
    withServer({ ingest: (key) => (key.endsWith('-3') ? [503, { code: 'unavailable', detail: '' }] : accepted) }, async (url, asked) => {
      const { code, lines } = await send(['--url', url, '-n', '5', '-c', '2', '--key', 'load']);
      assert.equal(code, 1);
      assert.match(lines.join('\n'), /^4 accepted in .* 0 duplicates, 1 failed\n {2}1 failed: 503 unavailable\n.*p95.*\nlatency/);
      assert.deepEqual(asked.map(({ headers }) => headers['x-idempotency-key']).toSorted(), [1, 2, 3, 4, 5].map((number) => `load-${number}`));
      assert.equal(new Set(asked.map(({ body }) => body)).size, 5);
    }));

  test('--same-key sends one and the same event again and again', () => {
    const seen = new Set<string>();
    const ingest = (key: string): Answer => [202, { id: 'evt_1', status: 'RECEIVED', duplicate: seen.size === seen.add(key).size }];
    return withServer({ ingest }, async (url, asked) => {
      const { code, lines } = await send(['--url', url, '-n', '4', '--same-key', '--json']);
      assert.deepEqual([code, (JSON.parse(lines.join()) as { readonly duplicates: number }).duplicates], [0, 3]);
      assert.equal(new Set(asked.map(({ body }) => body)).size, 1);
    });
  });

  test('--sign sends nothing and prints what curl needs', () =>
    withServer({}, async (url, asked) => {
      const { code, lines } = await send(['--url', url, '--sign', '--key', 'order-1']);
      const arguments_ = Object.entries(signedHeaders(SECRET, 'order-1', BODY, FAKE_START_MS)).map(([name, value]) => `-H '${name}: ${value}'`).join(' ');
      assert.deepEqual([code, ...lines], [0, arguments_, '', `curl -sS -X POST '${url}/api/v1/webhooks/ingest' ${arguments_} --data-binary '${BODY.toString()}'`]);
      assert.equal(asked.length, 0);
    }));

  test('a server that is not there is one clear line with the fix, and exit code 3', async () => {
    let gone = '';
    await withServer({}, (url) => Promise.resolve(void (gone = url)));
    for (const more of [[], ['-n', '3']]) {
      const { code, notes } = await send(['--url', gone, ...more]);
      assert.deepEqual([code, notes], [3, [`No answer from ${gone} (ECONNREFUSED). Fix: start the server with npm start, or name another one with --url`]]);
    }
  });

  test('an interrupt ends following and loading with exit code 130', () =>
    withServer({ event: () => [200, eventOf('RECEIVED', [])] }, async (url) => {
      const codes = [await send(['--url', url], {}, AbortSignal.abort()), await send(['--url', url, '-n', '3'], {}, AbortSignal.abort())].map(({ code }) => code);
      assert.deepEqual(codes, [130, 130]);
    }));

  test('wrong use and a missing secret are told by name, with exit code 2', async () => {
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [['--url', 'ftp://x', '-n', '0'], /--url: expected .*\n--count: expected a whole number/],
      [['--sign', '-n', '2'], /--sign: expected without -n/],
      [['--same-key'], /--same-key: expected together with -n/],
      [['--data', '{}', '--size', '9'], /--size: expected without --data/],
      [['--key', 'a b'], /--key: expected 1 to 255 visible ASCII/],
      [['--secret', 'x'], /Unknown option '--secret'/],
    ];
    for (const [argv, words] of wrong) {
      const { code, notes } = await send(argv);
      assert.equal(code, 2, argv.join(' '));
      assert.match(notes.join('\n'), words);
    }
    const unset = await send([], { INGEST_SECRET: '' });
    assert.equal(unset.code, 2);
    assert.match(unset.notes.join('\n'), /INGEST_SECRET is not set .* there is no \.data\/ingest-secret\. Fix: /);
  });
});

test('a source is sent to by its name, one event as well as many', () =>
  withServer({}, async (url, asked) => {
    assert.equal((await send(['--url', url, '--source', 'shop', '--no-wait'])).code, 0);
    assert.equal((await send(['--url', url, '--source', 'shop', '-n', '2'])).code, 0);
    assert.deepEqual(asked.map(({ path }) => path), Array(3).fill('/api/v1/webhooks/ingest/shop'));
    assert.equal((await send(['--url', url, '--source', 'a/b'])).code, 2);
  }));

test('a load tells what was accepted, what failed and why, and how long it took', () =>
  withServer({ ingest: (key) => (key === 'k1' ? [429, { code: 'too_many', detail: '' }] : accepted) }, async (url, asked) => {
    const result = await sendMany({ url, secret: SECRET, count: 3, concurrency: 8, scheme: 'standard', keyOf: (index) => `k${index}` });
    assert.deepEqual(result.failures, [{ status: 429, code: 'too_many', key: 'k1' }]);
    assert.deepEqual(result.accepted.map(({ id, key, duplicate }) => [id, key, duplicate]).toSorted(), [['evt_1', 'k0', false], ['evt_1', 'k2', false]]);
    assert.ok(result.seconds > 0 && result.accepted.every(({ latencyMs }) => latencyMs > 0), 'expected times above zero');
    assert.equal(asked.length, 3);
  }));

type Answer = readonly [status: number, body: unknown];
interface Script {
  readonly ingest?: (key: string) => Answer;
  readonly event?: () => Answer;
}
interface Asked {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function withServer({ ingest = () => accepted, event = () => [404, null] }: Script, use: (url: string, asked: readonly Asked[]) => Promise<void>): Promise<void> {
  const asked: Asked[] = [];
  const server = createServer((message, response) => {
    let body = '';
    message.on('data', (chunk: Buffer) => (body += chunk.toString()));
    message.on('end', () => {
      asked.push({ path: message.url ?? '', headers: message.headers, body });
      const key = [message.headers['x-idempotency-key'] ?? message.headers['webhook-id']].flat()[0] ?? '';
      const [status, value] = message.method === 'POST' ? ingest(key) : event();
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value ?? null));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  try {
    await use(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`, asked);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function eventOf(status: EventView['status'], attempts: readonly AttemptView[], more: Partial<DeliveryView> = {}): EventView {
  const delivered = status === 'DELIVERED';
  const delivery: DeliveryView = {
    targetId: 'tgt_default',
    state: delivered ? 'delivered' : 'waiting',
    attemptCount: attempts.length,
    generation: 0,
    nextAttemptAt: delivered || attempts.length === 0 ? null : timeOf(5_000),
    reason: null,
    settledAt: delivered ? timeOf(18) : null,
    attempts,
    ...more,
  };
  return { id: 'evt_1', type: 'order.created', status, source: 'default', idempotencyKey: 'order-1', contentType: 'application/json', bodyBytes: BODY.length, receivedAt: timeOf(0), deliveries: [delivery] };
}

/** One run of the tool; a pause moves its clock and takes no time. */
async function send(argv: readonly string[], environment: ToolContext['environment'] = {}, signal: AbortSignal = new AbortController().signal) {
  const [lines, notes]: [string[], string[]] = [[], []];
  let nowMs = 0;
  const context: ToolContext = {
    argv, signal,
    environment: { INGEST_SECRET: `${SECRET},another secret`, ...environment },
    folder: '/nowhere',
    clock: {
      after: (afterMs, act) => systemClock.after(afterMs, act),
      now: () => FAKE_START_MS + nowMs,
      monotonic: () => nowMs,
      sleep: (ms) => {
        nowMs += ms;
        return Promise.resolve();
      },
    },
    random: () => 0.5,
    out: (line) => lines.push(line),
    note: (line) => notes.push(line),
    progress: () => undefined,
    paint: (_colour, text) => text,
    readStdin: () => Promise.resolve(BODY),
  };
  return { code: await runToEnd(sendCommand, context), lines, notes };
}
