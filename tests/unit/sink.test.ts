/**
 * The sink: what it checks, what it remembers, how it misbehaves on request, and its command line. Signatures are made with the
 * reference library, never with our own code; requests go over loopback, delays over a fake clock.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { Random } from '../../src/runtime/random.ts';
import { runToEnd, type ToolContext } from '../../tools/cli/context.ts';
import { sinkCommand } from '../../tools/sink/command.ts';
import { createBehaviour, NO_FAULTS, type FaultPlan } from '../../tools/sink/fault-plan.ts';
import { readFailRule, readPercent } from '../../tools/sink/options.ts';
import { answer, createSink, type Sink, type SinkAnswer, type SinkOptions, type SinkRequest } from '../../tools/sink/sink.ts';
import { createVerifier } from '../../tools/sink/verify.ts';
import { FAKE_START_MS, FakeClock, settled } from '../support/fake-clock.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OTHER = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
const BODY = '{"type":"order.created"}';

function signed(secret: string, atMs = FAKE_START_MS, body = BODY): Record<string, string> {
  const signature = new Webhook(secret).sign('evt_1', new Date(atMs), body);
  return { 'webhook-id': 'evt_1', 'webhook-timestamp': String(Math.floor(atMs / 1000)), 'webhook-signature': signature };
}

async function withSink(options: SinkOptions, use: (url: string, sink: Sink) => Promise<void>): Promise<void> {
  const sink = createSink({ clock: new FakeClock(), ...options });
  const { url } = await sink.start();
  try {
    await use(url, sink);
  } finally {
    await sink.stop();
  }
}

const post = (url: string, headers: Record<string, string> = {}, body = BODY): Promise<Response> => fetch(url, { method: 'POST', headers, body });
const postAs = (url: string, id: string): Promise<Response> => post(url, { 'webhook-id': id });

function only(sink: Sink): SinkRequest {
  const [request] = sink.requests;
  assert.ok(request !== undefined && sink.requests.length === 1, 'expected exactly one request');
  return request;
}

describe('signatures', () => {
  const verify = createVerifier(SECRET);
  const check = (headers: Record<string, string>, body = BODY): string => {
    const result = verify(headers, Buffer.from(body), FAKE_START_MS);
    return result.verified === 'bad' ? result.reason : result.verified;
  };

  test('one of the reference library is ok', () => assert.equal(check(signed(SECRET)), 'ok'));
  test('one fitting signature among several is enough', () => {
    const headers = signed(SECRET);
    const several = { ...headers, 'webhook-signature': `v1a,xyz v1,AAAA ${headers['webhook-signature'] ?? ''}` };
    assert.equal(check(several), 'ok');
  });
  test('either of two secrets fits', () => {
    const both = createVerifier(`${OTHER}, ${SECRET}`);
    for (const secret of [SECRET, OTHER]) assert.deepEqual(both(signed(secret), Buffer.from(BODY), FAKE_START_MS), { verified: 'ok' });
  });
  test('one of another secret is bad', () => assert.match(check(signed(OTHER)), /no signature fits/));
  test('a body changed by one byte is bad', () => assert.match(check(signed(SECRET), `${BODY} `), /no signature fits/));
  test('an id or a time changed on the way is bad', () => {
    assert.match(check({ ...signed(SECRET), 'webhook-id': 'evt_2' }), /no signature fits/);
    assert.match(check({ ...signed(SECRET), 'webhook-timestamp': String(FAKE_START_MS / 1000 + 1) }), /no signature fits/);
  });
  test('five minutes of age or of early arrival pass, one second more does not', () => {
    for (const ms of [-300_000, 300_000]) assert.equal(check(signed(SECRET, FAKE_START_MS + ms)), 'ok');
    assert.equal(check(signed(SECRET, FAKE_START_MS - 301_000)), 'the timestamp is 301 s old');
    assert.equal(check(signed(SECRET, FAKE_START_MS + 301_000)), 'the timestamp is 301 s in the future');
  });
  test('missing and malformed headers are told by what is wrong with them', () => {
    assert.match(check({}), /header is missing/);
    assert.match(check({ ...signed(SECRET), 'webhook-timestamp': '1e9' }), /unix seconds/);
    assert.match(check({ ...signed(SECRET), 'webhook-signature': 'v2,abc' }), /no v1 signature/);
  });
  test('without a secret nothing is checked', () => assert.deepEqual(createVerifier(null)({}, Buffer.from(''), 0), { verified: 'unchecked' }));
  test('a secret that is none is refused at once', () => assert.throws(() => createSink({ secret: 'whsec_short' }), { code: 'invalid_secret' }));
});

describe('what a sink remembers', () => {
  test('a request with its raw bytes, its attempt, its time and its status', () =>
    withSink({ secret: SECRET }, async (url, sink) => {
      await post(`${url}/hook?x=1`, { ...signed(SECRET), 'hooktail-attempt': '3', 'hooktail-event-type': 'order.created' });
      const { headers: _, ...request } = only(sink);
      const expected = { id: 'evt_1', attempt: 3, type: 'order.created', seen: 1, atMs: 1_000, receivedAt: new Date(FAKE_START_MS), method: 'POST', path: '/hook?x=1', body: Buffer.from(BODY), bytes: 24, verified: 'ok', status: 200 };
      assert.deepEqual(request, expected);
    }));

  test('a bad signature is recorded and answered like any other', () =>
    withSink({ secret: SECRET }, async (url, sink) => {
      const { status } = await post(url, signed(OTHER));
      assert.deepEqual([status, only(sink).verified, sink.counts.badSignatures], [200, 'bad', 1]);
    }));

  test('an id that comes again after a 2xx is a duplicate, after a failure it is a retry', () => {
    const statuses = [503, 200, 200];
    return withSink({ behaviour: () => answer(statuses.shift() ?? 200) }, async (url, sink) => {
      for (const id of ['evt_1', 'evt_1', 'evt_1', 'evt_2']) await postAs(url, id);
      assert.deepEqual(sink.counts, { received: 4, distinct: 2, duplicates: 1, badSignatures: 0 });
      assert.deepEqual(sink.requests.map(({ seen }) => seen), [1, 2, 3, 1]);
    });
  });

  test('no more requests than it may keep, and no bodies when told so', () =>
    withSink({ keep: 2, bodies: false }, async (url, sink) => {
      for (const id of ['evt_1', 'evt_2', 'evt_3']) await postAs(url, id);
      assert.deepEqual(sink.requests.map(({ id, body, bytes }) => [id, body.length, bytes]), [['evt_2', 0, 24], ['evt_3', 0, 24]]);
      assert.equal(sink.counts.received, 3);
    }));

  test('GET /__requests shows it, DELETE forgets it, and neither counts as a request', () =>
    withSink({}, async (url, sink) => {
      await postAs(url, 'evt_1');
      const shown = (await (await fetch(`${url}/__requests`)).json()) as { readonly counts: unknown; readonly requests: readonly { readonly id: string; readonly body: string }[] };
      assert.deepEqual(shown.requests.map(({ id, body }) => [id, body]), [['evt_1', BODY]]);
      assert.equal((await fetch(`${url}/__requests`, { method: 'DELETE' })).status, 204);
      assert.deepEqual([sink.requests.length, sink.counts.received], [0, 0]);
      assert.equal((await fetch(`${url}/__requests`, { method: 'PUT' })).status, 405);
    }));
});

describe('how a sink answers', () => {
  test('by a function, which may be changed while it runs', () =>
    withSink({ behaviour: ({ id }) => answer(id === 'evt_1' ? 410 : 204) }, async (url, sink) => {
      const statuses = [(await postAs(url, 'evt_1')).status, (await postAs(url, 'evt_2')).status];
      sink.behave(() => answer(201, { body: 'hello', headers: { 'x-a': 'b' } }));
      const changed = await postAs(url, 'evt_1');
      assert.deepEqual([...statuses, changed.status, await changed.text(), changed.headers.get('x-a')], [410, 204, 201, 'hello', 'b']);
    }));

  test('with 500 and the reason when the function throws', () =>
    withSink({ behaviour: () => Promise.reject(new Error('Script is wrong')) }, async (url) => {
      const response = await post(url);
      assert.deepEqual([response.status, await response.text()], [500, 'Script is wrong']);
    }));

  test('after its delay and not before; the request is known already', async () => {
    const clock = new FakeClock();
    const arrival = moment();
    await withSink({ clock, behaviour: () => answer(200, { delayMs: 200 }), onRequest: () => arrival.come() }, async (url, sink) => {
      let done = false;
      const response = post(url).then(({ status }) => {
        done = true;
        return status;
      });
      await arrival.came;
      await settled();
      assert.deepEqual([done, clock.sleeping, only(sink).status], [false, 1, 200]);
      await clock.advance(200);
      assert.equal(await response, 200);
    });
  });

  test('by cutting the connection', () =>
    withSink({ behaviour: () => ({ kind: 'reset' }) }, async (url, sink) => {
      await assert.rejects(post(url), (error: Error) => (error.cause as { code?: string }).code === 'ECONNRESET');
      assert.equal(only(sink).status, null);
    }));

  const endless: readonly SinkAnswer[] = [{ kind: 'hang' }, { kind: 'stall', status: 200 }, answer(200, { delayMs: 3_600_000 })];
  for (const decided of endless) {
    test(`never (${decided.kind}), until it is stopped, which ends the request and leaves nothing behind`, async () => {
      const clock = new FakeClock();
      const arrival = moment();
      const sink = createSink({ clock, behaviour: () => decided, onRequest: () => arrival.come() });
      const { url } = await sink.start();
      const text = post(url).then((response) => response.text());
      const failed = assert.rejects(text);
      await arrival.came;
      await settled();
      await sink.stop();
      await failed;
      assert.equal(clock.sleeping, 0);
    });
  }
});

describe('the life of a sink', () => {
  test('starts and stops twice without harm, and takes the port it had when started again', async () => {
    const sink = createSink();
    await sink.stop();
    const [first, second] = await Promise.all([sink.start(), sink.start()]);
    assert.deepEqual(first, second);
    await Promise.all([sink.stop(), sink.stop()]);
    await assert.rejects(post(first.url));
    assert.deepEqual(await sink.start(), first);
    assert.equal((await post(first.url)).status, 200);
    await sink.stop();
  });

  test('a taken port is told with the fix, and the start may be tried again', () =>
    withSink({}, async (_, taken) => {
      const { port } = await taken.start();
      const sink = createSink({ port });
      await assert.rejects(sink.start(), { code: 'port_taken', message: `Port ${port} on 127.0.0.1 is taken`, fix: /--port/ });
      await taken.stop();
      assert.equal((await sink.start()).port, port);
      await sink.stop();
    }));
});

describe('faults on request', () => {
  const visit = (seen: number): SinkRequest => ({ id: 'evt_1', attempt: seen, type: null, seen, atMs: 0, receivedAt: new Date(0), method: 'POST', path: '/', headers: {}, body: Buffer.alloc(0), bytes: 0, verified: 'unchecked', status: null });
  const decide = async (plan: Partial<FaultPlan>, random: Random, seen = 1): Promise<string> => {
    const decided = await createBehaviour({ ...NO_FAULTS, ...plan }, random)(visit(seen));
    return decided.kind === 'answer' ? String(decided.status) : decided.kind;
  };

  test('each share is as wide as its percentage, and the rest is answered well', async () => {
    const plan: Partial<FaultPlan> = { status: 204, hangPercent: 5, resetPercent: 1, failures: [{ kind: 'share', status: 503, percent: 50 }, { kind: 'share', status: 429, percent: 10 }] };
    const counts: Record<string, number> = {};
    for (let drawn = 0; drawn < 1; drawn += 1 / 1024) {
      const fault = await decide(plan, () => drawn);
      counts[fault] = (counts[fault] ?? 0) + 1 / 1024;
    }
    const rounded = Object.entries(counts).map(([fault, share]) => [fault, Math.round(share * 100)]);
    assert.deepEqual(Object.fromEntries(rounded), { hang: 5, reset: 1, 503: 50, 429: 10, 204: 34 });
  });

  test('a hundred percent is every request, none is no request', async () => {
    assert.equal(await decide({ failures: [{ kind: 'share', status: 503, percent: 100 }] }, () => 1 - Number.EPSILON), '503');
    assert.equal(await decide({ failures: [{ kind: 'share', status: 503, percent: 0 }] }, () => 0), '200');
  });

  test('first=2 fails the first two requests of each id, and no others', () =>
    withSink({ behaviour: createBehaviour({ ...NO_FAULTS, failures: [{ kind: 'first', status: 503, count: 2 }] }, () => 0) }, async (url, sink) => {
      for (const id of ['evt_1', 'evt_2', 'evt_1', 'evt_1', 'evt_2', 'evt_2']) await postAs(url, id);
      assert.deepEqual(sink.requests.map(({ status }) => status), [503, 503, 503, 200, 503, 200]);
    }));

  test('Retry-After goes with failures only', () =>
    withSink({ behaviour: createBehaviour({ ...NO_FAULTS, retryAfterSeconds: 2, failures: [{ kind: 'first', status: 429, count: 1 }] }, () => 0) }, async (url) => {
      const answers = [await postAs(url, 'evt_1'), await postAs(url, 'evt_1')];
      assert.deepEqual(answers.map(({ status, headers }) => [status, headers.get('retry-after')]), [[429, '2'], [200, null]]);
    }));

  test('rules and percentages are read, or refused', () => {
    assert.deepEqual(readFailRule('503:50'), { ok: true, value: { kind: 'share', status: 503, percent: 50 } });
    assert.deepEqual(readFailRule('429:0.5%'), { ok: true, value: { kind: 'share', status: 429, percent: 0.5 } });
    assert.deepEqual(readFailRule('500:first=2'), { ok: true, value: { kind: 'first', status: 500, count: 2 } });
    for (const text of ['503', '503:', '503:101', '200:50', '600:1', '503:first=0', '503:last=1', '503:-1']) assert.equal(readFailRule(text).ok, false, text);
    for (const text of ['', '-1', '100.1', '5%%', 'x']) assert.equal(readPercent(text).ok, false, text);
  });
});

describe('npm run sink', () => {
  test('prints a line for each request and a summary when stopped, with exit code 0', async () => {
    const tool = running(['--port', '0', '--fail', '503:first=1'], { DOWNSTREAM_SECRET: SECRET });
    const url = await tool.url;
    await post(url, { ...signed(SECRET), 'hooktail-attempt': '1', 'hooktail-event-type': 'order.created\u009b' });
    await post(url, signed(OTHER));
    tool.interrupt();
    assert.equal(await tool.code, 0);
    const [first = '', second = '', summary] = tool.lines;
    assert.match(first, /-->  order\.created\?  evt_1  attempt 1  24 B  signature ok  503 in /);
    assert.match(second, /attempt \?  24 B  signature BAD \(no signature fits .*\)  200 in /);
    assert.equal(summary, '2 received, 1 distinct ids, 0 duplicates, 1 bad signatures');
  });

  test('--json prints one object a line, --quiet only the last one', async () => {
    const all = running(['--port', '0', '--json']);
    const quiet = running(['--port', '0', '--json', '--quiet']);
    for (const tool of [all, quiet]) {
      await postAs(await tool.url, 'evt_1');
      tool.interrupt();
      await tool.code;
    }
    const [kinds, quietKinds] = [all, quiet].map(({ lines }) => lines.map((line) => (JSON.parse(line) as { readonly kind: string }).kind));
    assert.deepEqual([kinds, quietKinds], [['request', 'summary'], ['summary']]);
  });

  test('a taken port ends it with exit code 1 and one line', () =>
    withSink({}, async (_, sink) => {
      const { port } = await sink.start();
      const tool = running(['--port', String(port)]);
      assert.equal(await tool.code, 1);
      assert.deepEqual(tool.notes, [`Port ${port} on 127.0.0.1 is taken. Fix: choose another one with --port`]);
    }));

  test('every wrong option is told by name, with exit code 2', async () => {
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [['--port', '70000', '--hang', '101'], /--port: expected .* got "70000"\n--hang: expected a percentage/],
      [['--fail', '503:60', '--fail', '500:30', '--hang', '20'], /at most 100 percent in all, got 110/],
      [['--delay', 'soon'], /--delay: expected/],
      [['--secret', 'whsec_x'], /--secret: expected secrets/],
      [['--chaos'], /Unknown option '--chaos'. Fix: see --help/],
      [['now'], /Unexpected argument 'now'/],
      [['--port'], /argument missing/],
    ];
    for (const [argv, message] of wrong) {
      const tool = running(argv);
      assert.equal(await tool.code, 2, argv.join(' '));
      assert.match(tool.notes.join('\n'), message);
    }
  });

  test('--help begins with two examples', async () => {
    const tool = running(['--help']);
    assert.equal(await tool.code, 0);
    assert.match(tool.lines.join('\n'), /^ {2}npm run sink\n {2}npm run sink -- --fail/);
  });
});

function moment<T = void>(): { readonly came: Promise<T>; readonly come: (value: T) => void } {
  let come: (value: T) => void = () => undefined;
  const came = new Promise<T>((resolve) => (come = resolve));
  return { came, come: (value) => come(value) };
}

/** The tool at work: `url` is where it listens, once it says so. */
function running(argv: readonly string[], environment: ToolContext['environment'] = {}) {
  const [lines, notes, interrupt]: [string[], string[], AbortController] = [[], [], new AbortController()];
  const listening = moment<string>();
  const note = (line: string): void => {
    notes.push(line);
    const [address] = /http:\/\/\S+(?=,)/.exec(line) ?? [];
    if (address !== undefined) listening.come(address);
  };
  const context: ToolContext = {
    argv, environment, note,
    folder: '/nowhere',
    clock: new FakeClock(),
    random: () => 0.5,
    signal: interrupt.signal,
    out: (line) => lines.push(line),
    progress: () => undefined,
    paint: (_colour, text) => text,
    readStdin: () => Promise.resolve(Buffer.alloc(0)),
  };
  return { code: runToEnd(sinkCommand, context), url: listening.came, lines, notes, interrupt: () => interrupt.abort() };
}
