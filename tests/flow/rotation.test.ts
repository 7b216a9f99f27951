/** Signing secrets are exchanged under load without a receiver noticing, expire at their instant, and are never told twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin } from '../support/admin.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { fitsPublicKey, fitsSecret } from '../support/signatures.ts';
import { DOWNSTREAM_SECRET, type World } from '../support/world.ts';

const { inWorld } = useMongo();
const SECRETS = '/targets/tgt_default/secrets';
const ROTATE = '/targets/tgt_default/rotate-secret';
const SENDERS = 4;

interface Told {
  readonly id: string;
  readonly kind: string;
  readonly createdAt: string | null;
  readonly expiresAt: string | null;
  readonly secret?: string | null;
  readonly publicKey?: string;
}

async function rotate(url: string, body?: unknown): Promise<Told> {
  const answer = await admin(url, `POST ${ROTATE}`, { body });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.body as unknown as Told;
}

const listed = async (url: string): Promise<readonly Told[]> => (await admin(url, SECRETS)).body['secrets'] as readonly Told[];

/** Events without a pause until the work is done. */
async function underLoad(url: string, work: () => Promise<void>): Promise<void> {
  let isDone = false;
  const sender = async (): Promise<void> => {
    while (!isDone) await post(url);
  };
  const senders = Array.from({ length: SENDERS }, sender);
  await work().finally(() => (isDone = true));
  await Promise.all(senders);
}

/** Resolves with how many requests had come when the first one like this was there. */
const arrived = (world: World, from: number, fits: (request: World['sink']['requests'][number]) => boolean): Promise<number> =>
  eventually(() => {
    // With a message: without one, each failure has the source read and parsed to make one up, which holds up everything.
    assert.ok(world.sink.requests.slice(from).some(fits), 'Expected such a request');
    return world.sink.requests.length;
  });

test('a receiver that changes over within the overlap verifies every single request, and the old secret signs no more from its instant on', () =>
  inWorld({}, async (world) => {
    const [server] = [await world.server(), await world.processor()];
    await underLoad(server.url, async () => {
      let [current, from] = [DOWNSTREAM_SECRET, 0];
      for (const round of [1, 2]) {
        const { secret } = await rotate(server.url, { overlapSeconds: 3 });
        const next = secret ?? '';
        const seen = await arrived(world, from, (request) => fitsSecret(request, next));
        const old = (await listed(server.url))[1];
        assert.ok(old?.expiresAt, `round ${round}`);
        const expiresAtMs = Date.parse(old.expiresAt);
        // Here the receiver changes over, within the overlap, once what was begun before has arrived.
        const secondOf = (request: World['sink']['requests'][number]): number => Number(request.headers['webhook-timestamp']);
        const changedAtS = Math.max(...world.sink.requests.slice(from, seen).map(secondOf));
        const gone = await arrived(world, seen, (request) => !fitsSecret(request, current));
        const all = world.sink.requests;
        assert.ok(all.slice(from, seen).every((request) => fitsSecret(request, current)), 'until the receiver changes over, by the secret it has');
        assert.ok(all.slice(seen, gone).every((request) => fitsSecret(request, next) || secondOf(request) <= changedAtS), 'from then on, by the one it got');
        const signedAtS = all.slice(from, gone).map((request) => ({ atS: Number(request.headers['webhook-timestamp']), byOld: fitsSecret(request, current) }));
        assert.ok(signedAtS.every(({ atS, byOld }) => byOld || (atS + 1) * 1_000 > expiresAtMs), 'not before its instant');
        assert.ok(signedAtS.every(({ atS, byOld }) => !byOld || atS * 1_000 < expiresAtMs), 'and not after it');
        [current, from] = [next, gone];
      }
    });
    assert.equal((await listed(server.url)).length, 1);
    assert.equal((await world.store.targets.findOne({}))?.version, 3);
  }));

test('an ed25519 key signs beside the secret, its public half is there for everybody, and its private half for nobody', () =>
  inWorld({ env: { ADMIN_TOKEN: 'a-token-for-the-tests' } }, async (world) => {
    const [server] = [await world.server(), await world.processor()];
    const token = 'a-token-for-the-tests';
    const { status, body } = await admin(server.url, `POST ${ROTATE}`, { body: { kind: 'ed25519' }, token });
    assert.deepEqual([status, body['kind'], body['secret']], [201, 'ed25519', null]);
    const { body: { keys } } = await eventually(async () => {
      const answer = await admin(server.url, '/targets/tgt_default/public-keys');
      assert.equal((answer.body['keys'] as readonly unknown[]).length, 1);
      return answer;
    });
    const [{ publicKey, expiresAt }] = keys as readonly [Told];
    assert.deepEqual([publicKey, expiresAt], [body['publicKey'], null]);
    await eventually(async () => {
      const { body: { id } } = await post(server.url);
      await eventually(() => assert.equal(world.received().get(id)?.length, 1));
      const [request] = world.received().get(id) ?? [];
      assert.ok(request && fitsPublicKey(request, publicKey ?? '') && fitsSecret(request, DOWNSTREAM_SECRET), String(request?.headers['webhook-signature']));
    });
    const stored = JSON.stringify(await world.store.targets.findOne({}));
    assert.ok(stored.includes('whsk_'), 'stored, plain without a master key');
    const told = JSON.stringify([(await admin(server.url, SECRETS, { token })).body, body, keys]);
    assert.ok(!told.includes('whsk_') && !told.includes('whsec_'), 'never told');
  }));

test('who asks for the keys of a target that is not there, or has none, hears the same', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const [here, gone, none] = await Promise.all(['tgt_default', 'tgt_gone', 'nonsense'].map((id) => admin(url, `/targets/${id}/public-keys`)));
    assert.deepEqual([here?.status, here?.body], [200, { keys: [] }]);
    for (const other of [gone, none]) assert.deepEqual([other?.status, other?.body], [here?.status, here?.body]);
  }));

test('no more than three secrets are live, and the last without an end cannot be deleted', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    await rotate(url);
    await rotate(url);
    const full = await admin(url, `POST ${ROTATE}`);
    assert.deepEqual([full.status, full.body['code']], [409, 'too_many_secrets']);
    const [current, ...old] = await listed(url);
    assert.equal(old.length, 2);
    assert.ok(current && old.every(({ expiresAt }) => Math.abs(Date.parse(expiresAt ?? '') - Date.now() - 86_400_000) < 60_000), 'the others end in a day');
    const refused = await admin(url, `DELETE ${SECRETS}/${current.id}`);
    assert.deepEqual([refused.status, refused.body['code']], [409, 'last_secret']);
    for (const { id } of old) assert.equal((await admin(url, `DELETE ${SECRETS}/${id}`)).status, 200);
    assert.deepEqual((await listed(url)).map(({ id }) => id), [current.id]);
    assert.equal((await admin(url, `DELETE ${SECRETS}/sec_none`)).status, 404);
    // In an emergency, without any overlap.
    const { id } = await rotate(url, { overlapSeconds: 0 });
    assert.deepEqual((await listed(url)).map((secret) => secret.id), [id]);
  }));

test('If-Match holds against another version, and of two changes at once only one is made', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const etag = (await admin(url, SECRETS)).etag ?? '';
    const together = await Promise.all([1, 2, 3].map(() => admin(url, `POST ${ROTATE}`, { ifMatch: etag })));
    assert.equal(together.filter(({ status }) => status === 201).length, 1);
    assert.ok(together.every(({ status }) => [201, 409, 412].includes(status)), JSON.stringify(together.map(({ status }) => status)));
    assert.equal((await listed(url)).length, 2);
    assert.equal((await admin(url, `POST ${ROTATE}`, { ifMatch: etag })).status, 412);
  }));

test('refuses what is no rotation, and targets that are not there', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    for (const body of [{ overlapSeconds: -1 }, { overlapSeconds: 2_592_001 }, { kind: 'rsa' }, { more: 1 }, []]) assert.equal((await admin(url, `POST ${ROTATE}`, { body })).status, 422, JSON.stringify(body));
    for (const id of ['tgt_gone', 'nonsense']) assert.equal((await admin(url, `/targets/${id}/secrets`)).status, 404);
  }));

test('a changed DOWNSTREAM_SECRET is a rotation, and the same one changes nothing', () =>
  inWorld({}, async (world) => {
    const other = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
    const first = await world.server();
    await rotate(first.url);
    const before = await world.store.targets.findOne({});
    await (await world.server()).stop();
    assert.deepEqual(await world.store.targets.findOne({}), before, 'the replaced one is still known, so a restart undoes no rotation');
    const { url } = await world.server({ DOWNSTREAM_SECRET: other });
    const [added, ...old] = await listed(url);
    assert.equal(added?.expiresAt, null);
    assert.deepEqual([old.length, old.every(({ expiresAt }) => expiresAt !== null)], [2, true]);
  }));
