/** Sources: made over the API, in force within a second, each with its own secrets, scheme, places, schema and limits. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { useMongo } from '../support/mongo.ts';
import { askSources, ours, postTo, providers } from '../support/sources.ts';
import type { World } from '../support/world.ts';

const { inWorld } = useMongo();
const SECRET = 'a secret of the source';
const BODY = '{"type":"order.created","n":1}';
/** The bound itself: waited for, not tried again and again until it holds. */
const IN_FORCE_MS = 1_000;

/** A server with one source, which is in force. */
async function withSource(world: World, source: Readonly<Record<string, unknown>>): Promise<string> {
  const { url } = await world.server();
  const made = await askSources(url, 'POST', '', source);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return url;
}

const storedOf = async (world: World, id: string): Promise<readonly unknown[]> => {
  const event = await world.store.events.findOne({ _id: id as never });
  return [event?.source, event?.type, event?.idempotencyKey];
};

describe('a source', () => {
  test('is made, listed by pages, read, changed only by who has read it, and removed', () =>
    inWorld({}, async (world) => {
      const { url } = await world.server();
      for (const name of ['c', 'a', 'b']) assert.equal((await askSources(url, 'POST', '', { name, scheme: { kind: 'hooktail' } })).status, 201);
      assert.equal((await askSources(url, 'POST', '', { name: 'a', scheme: { kind: 'hooktail' } })).body.code, 'already_exists');
      const page = await askSources(url, 'GET', '?limit=2');
      assert.deepEqual([page.body.sources.map(({ name }) => name), page.body.after], [['a', 'b'], 'b']);
      assert.deepEqual((await askSources(url, 'GET', '?limit=2&after=b')).body.sources.map(({ name }) => name), ['c']);
      const read = await askSources(url, 'GET', '/a');
      assert.deepEqual([read.etag, read.body.secretCount, read.body.secrets], ['"1"', 1, undefined]);
      assert.equal((await askSources(url, 'PATCH', '/a', { description: 'x' })).status, 428);
      assert.equal((await askSources(url, 'PATCH', '/a', { description: 'x' }, { 'if-match': '"2"' })).status, 412);
      const changed = await askSources(url, 'PATCH', '/a', { description: 'x' }, { 'if-match': '"1"' });
      assert.deepEqual([changed.status, changed.etag], [200, '"2"']);
      assert.equal((await askSources(url, 'DELETE', '/a')).status, 428);
      assert.equal((await askSources(url, 'DELETE', '/a', undefined, { 'if-match': '"2"' })).status, 204);
      assert.equal((await askSources(url, 'GET', '/a')).status, 404);
    }));

  test('of two changes of one version one is refused', () =>
    inWorld({}, async (world) => {
      const url = await withSource(world, { name: 'a', scheme: { kind: 'hooktail' } });
      const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => askSources(url, 'PATCH', '/a', { description: String(n) }, { 'if-match': '"1"' })));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array<number>(9).fill(412)]);
    }));

  const refused: readonly (readonly [what: string, source: Readonly<Record<string, unknown>>, pointer: string])[] = [
    ['a name with a capital', { name: 'A', scheme: { kind: 'hooktail' } }, '/name'],
    ['a name that is a route', { name: 'batch', scheme: { kind: 'hooktail' } }, '/name'],
    ['the name of the default source', { name: 'default', scheme: { kind: 'hooktail' } }, '/name'],
    ['an unknown scheme', { name: 'a', scheme: { kind: 'md5' } }, '/scheme'],
    ['no secret where the provider makes it', { name: 'a', scheme: { kind: 'stripe' } }, '/secrets'],
    ['a short base64 secret', { name: 'a', scheme: { kind: 'standard-webhooks' }, secrets: ['whsec_c2hvcnQ='] }, '/secrets/0'],
    ['a timestamp that is not signed', { name: 'a', scheme: { kind: 'hmac-body', header: 'X-S', prefix: '', encoding: 'hex', content: '{body}', timestamp: { header: 'X-T', prefix: '' } }, idempotency: { in: 'header', name: 'X-K' } }, '/scheme/content'],
    ['no key', { name: 'a', scheme: { kind: 'hmac-body', header: 'X-S', prefix: '', encoding: 'hex', content: '{body}', timestamp: null } }, '/idempotency'],
    ['a regular expression', { name: 'a', scheme: { kind: 'hooktail' }, schema: { properties: { a: { pattern: '^(a+)+$' } } } }, '/schema/properties/a/pattern'],
    ['what is no schema', { name: 'a', scheme: { kind: 'hooktail' }, schema: { type: 'thing' } }, '/schema'],
  ];
  test('that could not be used is refused, with where and why', () =>
    inWorld({}, async (world) => {
      const { url } = await world.server();
      for (const [what, source, pointer] of refused) {
        const { status, body } = await askSources(url, 'POST', '', source);
        assert.equal(status, 422, what);
        assert.ok(body.errors?.some((error) => error.pointer.startsWith(pointer)), `${what}: ${JSON.stringify(body.errors)}`);
      }
      assert.equal(await world.store.sources.countDocuments(), 0);
    }));

  test('has a secret that is shown once, and another beside it when one is added: both sign', () =>
    inWorld({}, async (world) => {
      const { url } = await world.server();
      const [old = ''] = (await askSources(url, 'POST', '', { name: 'a', scheme: { kind: 'hooktail' } })).body.secrets ?? [];
      const [fresh = ''] = (await askSources(url, 'PATCH', '/a', { addSecret: true }, { 'if-match': '"1"' })).body.secrets ?? [];
      assert.ok(old.startsWith('whsec_') && fresh.startsWith('whsec_') && old !== fresh);
      await sleep(IN_FORCE_MS);
      assert.deepEqual([(await postTo(url, 'a', BODY, ours(old, BODY))).status, (await postTo(url, 'a', BODY, ours(fresh, BODY))).status], [202, 202]);
    }));

  test('is in force a second after every change, in a server that did not make it', () =>
    inWorld({}, async (world) => {
      const [{ url }, other] = [await world.server(), await world.server()];
      const status = async (secret: string): Promise<number> => (await postTo(other.url, 'a', BODY, ours(secret, BODY))).status;
      assert.equal(await status(SECRET), 401);
      await askSources(url, 'POST', '', { name: 'a', scheme: { kind: 'hooktail' }, secrets: [SECRET] });
      await sleep(IN_FORCE_MS);
      assert.equal(await status(SECRET), 202);
      await askSources(url, 'PATCH', '/a', { secrets: ['another secret'] }, { 'if-match': '"1"' });
      await sleep(IN_FORCE_MS);
      assert.deepEqual([await status(SECRET), await status('another secret')], [401, 202]);
      await askSources(url, 'DELETE', '/a', undefined, { 'if-match': '"2"' });
      await askSources(url, 'POST', '', { name: 'a', scheme: { kind: 'hooktail' }, secrets: ['a third secret'] });
      await sleep(IN_FORCE_MS);
      assert.deepEqual([await status('another secret'), await status('a third secret')], [401, 202], 'made again under the same name and version');
    }));

  test('costs a server that gets no request for it not one statement, and one a second at most otherwise', () =>
    inWorld({}, async (world) => {
      const url = await withSource(world, { name: 'a', scheme: { kind: 'hooktail' }, secrets: [SECRET] });
      await postTo(url, 'a', BODY, ours(SECRET, BODY));
      const before = await scansOf(world);
      for (let count = 0; count < 20; count += 1) await postTo(url, 'a', BODY, ours(SECRET, BODY));
      const busy = (await scansOf(world)) - before;
      assert.ok(busy <= 4, `${busy} reads for 20 requests`);
      await sleep(IN_FORCE_MS);
      const idleFrom = await scansOf(world);
      await sleep(2 * IN_FORCE_MS);
      assert.equal((await scansOf(world)) - idleFrom, 0);
      await postTo(url, 'a', BODY, ours(SECRET, BODY));
      assert.equal((await scansOf(world)) - idleFrom, 1, 'the count counts');
    }));
});

/** How often all sources, or their versions, were read. */
async function scansOf({ store }: World): Promise<number> {
  const [stats] = await store.sources.aggregate<{ readonly scans: number }>([{ $collStats: { queryExecStats: {} } }, { $project: { scans: '$queryExecStats.collectionScans.total' } }]).toArray();
  return Number(stats?.scans);
}

describe('who cannot sign for a source', () => {
  test('case 2: gets one answer, whether there is the source or not, and whatever is missing', () =>
    inWorld({}, async (world) => {
      const url = await withSource(world, { name: 'known', scheme: { kind: 'github' }, secrets: [SECRET], maxBodyBytes: 100 });
      await sleep(IN_FORCE_MS);
      const large = JSON.stringify({ a: 'x'.repeat(1_000) });
      const answers = await Promise.all([
        postTo(url, 'unknown', BODY, providers.github(SECRET, BODY)), postTo(url, 'known', BODY, providers.github('another', BODY)), postTo(url, 'known', BODY, {}),
        postTo(url, 'known', large, {}), postTo(url, 'unknown', large, {}), postTo(url, 'Not..a~name', BODY, {}), postTo(url, 'known', '{', {}), postTo(url, 'default', BODY, ours(SECRET, BODY)),
        postTo(url, 'known/batch', BODY, {}), postTo(url, 'unknown/batch', BODY, {}),
      ]);
      for (const { status, text, headers } of answers) assert.deepEqual([status, text, headers.get('www-authenticate')], [401, answers[0].text, 'Signature']);
    }));

  test('and who can is told everything', () =>
    inWorld({}, async (world) => {
      const url = await withSource(world, { name: 'known', scheme: { kind: 'github' }, secrets: [SECRET], maxBodyBytes: 100 });
      const large = JSON.stringify({ a: 'x'.repeat(1_000) });
      const code = async (path: string, body: string, more: Readonly<Record<string, string>> = {}): Promise<string> => (await postTo(url, path, body, { ...providers.github(SECRET, body), ...more })).body.code;
      assert.deepEqual(
        [await code('known', large), await code('known', '{'), await code('known', '[]'), await code('known', BODY, { 'X-GitHub-Delivery': 'a b' }), await code('known', BODY, { 'X-GitHub-Event': 'e'.repeat(256) }), await code('known/batch', `[${BODY}]`)],
        ['body_too_large', 'invalid_json', 'schema_mismatch', 'invalid_idempotency_key', 'schema_mismatch', 'batch_unsupported'],
      );
    }));
});

describe('a provider’s request', () => {
  test('of GitHub has its key and type in headers; a redelivery is the same event', () =>
    inWorld({}, async (world) => {
      const url = await withSource(world, { name: 'gh', scheme: { kind: 'github' }, secrets: [SECRET] });
      const first = await postTo(url, 'gh', BODY, providers.github(SECRET, BODY, 'd-1', 'push'));
      const again = await postTo(url, 'gh', BODY, providers.github(SECRET, BODY, 'd-1', 'push'));
      assert.deepEqual([first.status, again.status, again.body.id, again.body.duplicate], [202, 202, first.body.id, true]);
      assert.deepEqual(await storedOf(world, first.body.id), ['gh', 'push', 'd-1']);
    }));

  test('of Stripe has them in the body; a repeat that counts otherwise is the same event; an old one is refused', () =>
    inWorld({}, async (world) => {
      const secret = 'whsec_test_secret';
      const url = await withSource(world, { name: 'pay', scheme: { kind: 'stripe' }, secrets: [secret] });
      const [body, repeat] = [2, 1].map((pending) => JSON.stringify({ id: 'evt_1', type: 'charge.paid', pending_webhooks: pending })) as [string, string];
      const [first, again] = [await postTo(url, 'pay', body, providers.stripe(secret, body)), await postTo(url, 'pay', repeat, providers.stripe(secret, repeat))];
      assert.deepEqual([first.status, again.status, again.body.id], [202, 202, first.body.id]);
      assert.deepEqual(await storedOf(world, first.body.id), ['pay', 'charge.paid', 'evt_1']);
      assert.equal((await postTo(url, 'pay', body, providers.stripe(secret, body, Math.floor(Date.now() / 1_000) - 302))).body.code, 'timestamp_out_of_window');
    }));

  test('of Shopify is an event by its webhook’s id: topics of one action stay two', () =>
    inWorld({}, async (world) => {
      const url = await withSource(world, { name: 'shop', scheme: { kind: 'shopify' }, secrets: [SECRET] });
      const answers = await Promise.all(['w-1', 'w-2', 'w-1'].map((id) => postTo(url, 'shop', BODY, providers.shopify(SECRET, BODY, id))));
      assert.deepEqual([answers.map(({ status }) => status), await world.store.events.countDocuments()], [[202, 202, 202], 2]);
      assert.deepEqual(await storedOf(world, answers[0]?.body.id ?? ''), ['shop', 'orders/create', 'w-1']);
    }));

  test('of Slack is known by its event_id, and its check of the address is answered, to a signed request only', () =>
    inWorld({}, async (world) => {
      const url = await withSource(world, { name: 'chat', scheme: { kind: 'slack' }, secrets: [SECRET] });
      const body = JSON.stringify({ event_id: 'Ev1', type: 'event_callback', event: { type: 'app_mention' } });
      const { body: { id }, status } = await postTo(url, 'chat', body, providers.slack(SECRET, body));
      assert.deepEqual([status, await storedOf(world, id)], [202, ['chat', 'app_mention', 'Ev1']]);
      const check = JSON.stringify({ type: 'url_verification', challenge: 'a challenge' });
      const answered = await postTo(url, 'chat', check, providers.slack(SECRET, check));
      assert.deepEqual([answered.status, answered.text], [200, '{"challenge":"a challenge"}']);
      assert.equal((await postTo(url, 'chat', check, providers.slack('another', check))).status, 401);
      assert.equal(await world.store.events.countDocuments(), 1);
    }));

  test('of a form is refused, as all that is no JSON', () =>
    inWorld({}, async (world) => {
      const url = await withSource(world, { name: 'chat', scheme: { kind: 'slack' }, secrets: [SECRET] });
      assert.equal((await postTo(url, 'chat', 'payload=x', { ...providers.slack(SECRET, 'payload=x'), 'content-type': 'application/x-www-form-urlencoded' })).status, 415);
    }));
});

describe('a source’s own', () => {
  test('case 19: schema refuses bodies that do not fit, with where and why, and its batches item by item', () =>
    inWorld({}, async (world) => {
      const url = await withSource(world, { name: 'a', scheme: { kind: 'hooktail' }, secrets: [SECRET], schema: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } } });
      const post = async (body: string): Promise<readonly unknown[]> => {
        const { status, text } = await postTo(url, 'a', body, ours(SECRET, body));
        return [status, (JSON.parse(text) as { readonly errors?: unknown }).errors];
      };
      assert.deepEqual(await post('{"n":1}'), [202, undefined]);
      assert.deepEqual(await post('{"n":"1"}'), [422, [{ pointer: '/n', message: 'must be integer' }]]);
      const batch = '[{"n":1},{"n":null}]';
      const { status, text } = await postTo(url, 'a/batch', batch, ours(SECRET, batch));
      const { items } = JSON.parse(text) as { readonly items: readonly { readonly problem?: { readonly code: string } }[] };
      assert.deepEqual([status, items.map(({ problem }) => problem?.code)], [207, [undefined, 'schema_mismatch']]);
    }));

  test('rate refuses what is signed and too much, and nobody else’s', () =>
    inWorld({}, async (world) => {
      const url = await withSource(world, { name: 'a', scheme: { kind: 'hooktail' }, secrets: [SECRET], limits: { ratePerSecond: 0.01, burst: 3 } });
      await askSources(url, 'POST', '', { name: 'b', scheme: { kind: 'hooktail' }, secrets: [SECRET] });
      await sleep(IN_FORCE_MS);
      for (let count = 0; count < 5; count += 1) assert.equal((await postTo(url, 'a', BODY, ours('another', BODY))).status, 401, 'what is not signed uses up nothing');
      const answers = await Promise.all(Array.from({ length: 5 }, () => postTo(url, 'a', BODY, ours(SECRET, BODY))));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 202, 202, 429, 429]);
      const waitS = Number(answers.find(({ status }) => status === 429)?.headers.get('retry-after'));
      assert.ok(waitS >= 90 && waitS <= 100, `${waitS} s`);
      assert.equal((await postTo(url, 'b', BODY, ours(SECRET, BODY))).status, 202);
    }));

  test('type and key stand where it says', () =>
    inWorld({}, async (world) => {
      const scheme = { kind: 'hmac-body', header: 'X-Sign', prefix: 'sha256=', encoding: 'hex', content: '{body}', timestamp: null };
      const url = await withSource(world, { name: 'a', scheme, secrets: [SECRET], idempotency: { in: 'body', path: 'meta.id' }, eventType: { in: 'body', path: 'meta.kind' } });
      const body = '{"meta":{"id":42,"kind":"thing.made"}}';
      const { body: { id } } = await postTo(url, 'a', body, { 'X-Sign': providers.github(SECRET, body)['X-Hub-Signature-256'] });
      assert.deepEqual(await storedOf(world, id), ['a', 'thing.made', '42']);
      const other = '{"meta":{"id":42,"kind":"thing.sold"}}';
      assert.equal((await postTo(url, 'a', other, { 'X-Sign': providers.github(SECRET, other)['X-Hub-Signature-256'] })).body.code, 'idempotency_key_reused');
    }));
});
