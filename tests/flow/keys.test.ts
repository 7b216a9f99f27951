/** Secrets at rest: sealed once there is a key, sealed anew beside running programs, and never a reason to send unsigned or to crash. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyring, masterKeyOf, newMasterKey } from '../../src/domain/sealing.ts';
import type { TargetId } from '../../src/domain/ids.ts';
import { FatalError } from '../../src/runtime/errors.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { registerTarget } from '../../src/store/targets.ts';
import { keysCommand } from '../../tools/keys/command.ts';
import { statusCommand } from '../../tools/status/command.ts';
import { admin } from '../support/admin.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { fitsSecret } from '../support/signatures.ts';
import { runToolWith } from '../support/tool.ts';
import { watchTelemetry } from '../support/telemetry-watch.ts';
import { DOWNSTREAM_SECRET, type World } from '../support/world.ts';

const { inWorld } = useMongo();
const [SECRETS, ROTATE, TARGETS] = ['/targets/tgt_default/secrets', '/targets/tgt_default/rotate-secret', 40];
const keyIdOf = (key: string): string => key.slice(0, key.indexOf(':'));

const storeWith = ({ db }: World, key: string): Store => openStore(db, createKeyring([masterKeyOf(key)].filter((one) => one !== null)));

interface Uses {
  readonly uses: readonly { readonly keyId: string | null; readonly secrets: number }[];
}

async function keys(world: World, masterKey: string, word: string): Promise<Uses & { readonly code: number; readonly sealed: number; readonly unreadable: readonly string[] }> {
  const { code, lines, notes } = await runToolWith(keysCommand, { ...world.env, HOOKTAIL_MASTER_KEY: masterKey }, [word, '--json']);
  assert.equal(lines.length, 1, notes.join('\n'));
  return { code, ...(JSON.parse(lines[0] ?? '') as Uses & { readonly sealed: number; readonly unreadable: readonly string[] }) };
}

const usesOf = ({ uses }: Uses): readonly string[] => uses.map(({ keyId, secrets }) => `${keyId ?? 'plain'} ${secrets}`).sort();
const stored = async (world: World): Promise<string> => JSON.stringify(await world.store.targets.find().toArray());

const refused = (start: () => Promise<unknown>, message: RegExp): Promise<void> =>
  assert.rejects(start, (error: unknown) => {
    assert.ok(error instanceof FatalError, String(error));
    assert.equal(error.code, 'master_key_missing');
    assert.match(error.message, message);
    return true;
  });

/** One event, delivered; answers its request. */
async function deliverOne(world: World, url: string): Promise<World['sink']['requests'][number]> {
  const { body } = await post(url);
  return eventually(() => {
    const [request] = world.received().get(body.id) ?? [];
    assert.ok(request, `Expected ${body.id} to be delivered`);
    return request;
  });
}

test('without a key secrets are plain, which is said once at start and by status; with one they are sealed by the tool, and new ones at once', () =>
  inWorld({}, async (world) => {
    const plain = await world.processor();
    assert.deepEqual(plain.told.all('secrets.plain').map(({ count, masterKey }) => [count, masterKey]), [[0, null]]);
    await plain.stop();
    assert.ok((await stored(world)).includes(DOWNSTREAM_SECRET));
    const hint = await runToolWith((context) => statusCommand(context, () => undefined), world.env, []);
    assert.match(hint.lines.join('\n'), /1 signing secret is stored plain\n {2}Fix: set HOOKTAIL_MASTER_KEY/);

    const key = newMasterKey();
    const env = { HOOKTAIL_MASTER_KEY: key };
    const { url } = await world.server(env);
    const processor = await world.processor(env);
    assert.equal(processor.told.all('secrets.plain')[0]?.fix, 'run npm run keys -- rewrap');
    assert.ok(fitsSecret(await deliverOne(world, url), DOWNSTREAM_SECRET), 'what is plain is used all the same');
    assert.deepEqual([(await keys(world, key, 'rewrap')).sealed, usesOf(await keys(world, key, 'count'))], [1, [`${keyIdOf(key)} 1`]]);
    const { body: { secret } } = await admin(url, `POST ${ROTATE}`);
    const all = await stored(world);
    assert.ok(!all.includes('whsec_') && !all.includes(DOWNSTREAM_SECRET.slice(6)), all);
    await eventually(async () => {
      const request = await deliverOne(world, url);
      assert.deepEqual([fitsSecret(request, String(secret)), fitsSecret(request, DOWNSTREAM_SECRET)], [true, true]);
    });
    assert.deepEqual((await world.store.audit.find({ actor: 'tool' }).toArray()).map(({ action }) => action), ['secrets.rewrapped']);
  }));

test('keys are exchanged beside running programs that rotate and deliver, however often the tool runs, and the old key is free at the end', () =>
  inWorld({}, async (world) => {
    const [older, newer] = [newMasterKey(), newMasterKey()];
    const [before, during] = [{ HOOKTAIL_MASTER_KEY: older }, { HOOKTAIL_MASTER_KEY: `${newer},${older}` }];
    const first = await world.server(before);
    for (let count = 0; count < TARGETS; count += 1) {
      await registerTarget(storeWith(world, older), { id: `tgt_${count}` as TargetId, url: `${world.sinkUrl}/other`, eventTypes: ['none'], secrets: [`whsec_${Buffer.alloc(32, count).toString('base64')}`], freshSecret: '', limits: { ratePerSecond: 0, concurrency: 0 }, timeoutMs: 5_000, retry: { scheduleMs: [], maxAttempts: null } });
    }
    await first.stop();
    const { url } = await world.server(during);
    const processor = await world.processor(during);
    const done = new AbortController();
    const rotating = (async () => {
      for (let count = 0; !done.signal.aborted; count += 1) {
        const { status, body } = await admin(url, `POST /targets/tgt_${count % TARGETS}/rotate-secret`, { body: { overlapSeconds: 0 } });
        assert.ok(status === 201 || status === 409, JSON.stringify(body));
      }
    })();
    const delivering = (async () => {
      while (!done.signal.aborted) assert.ok(fitsSecret(await deliverOne(world, url), DOWNSTREAM_SECRET));
    })();
    const runs = await Promise.all([keys(world, `${newer},${older}`, 'rewrap'), keys(world, `${newer},${older}`, 'rewrap'), keys(world, `${newer},${older}`, 'rewrap')]);
    done.abort();
    await Promise.all([rotating, delivering]);
    assert.deepEqual(runs.map(({ code, unreadable }) => [code, unreadable.length]), [[0, 0], [0, 0], [0, 0]]);
    assert.deepEqual(usesOf(await keys(world, newer, 'count')), [`${keyIdOf(newer)} ${TARGETS + 1}`], 'nothing is left under the old key');
    assert.deepEqual(processor.told.all('target.unreadable'), []);
    await processor.stop();
    await refused(() => world.processor({ HOOKTAIL_MASTER_KEY: older }), new RegExp(keyIdOf(newer)));
    const last = await world.processor({ HOOKTAIL_MASTER_KEY: newer });
    assert.ok(fitsSecret(await deliverOne(world, url), DOWNSTREAM_SECRET));
    assert.deepEqual(last.told.all('secrets.plain'), []);
  }));

test('a program that was not given the key of a stored secret refuses to start, and names it', () =>
  inWorld({}, async (world) => {
    const key = newMasterKey();
    await (await world.server({ HOOKTAIL_MASTER_KEY: key })).stop();
    const told = new RegExp(`sealed under master key ${keyIdOf(key)}, which this program was not given`);
    await refused(() => world.server(), told);
    await refused(() => world.processor({ HOOKTAIL_MASTER_KEY: newMasterKey() }), told);
    const { lines, code } = await runToolWith((context) => statusCommand(context, () => undefined), world.env, ['--json']);
    assert.equal(code, 1, 'no processor runs');
    assert.match(lines.join(), /sealed under a master key that is not set here/);
  }));

test('a secret that does not open stops its target and nothing else, is told, and can be replaced', () =>
  inWorld({}, async (world) => {
    const env = { HOOKTAIL_MASTER_KEY: newMasterKey() };
    const server = await world.server(env);
    const processor = await world.processor(env);
    await registerTarget(storeWith(world, env.HOOKTAIL_MASTER_KEY), { id: 'tgt_well' as TargetId, url: `${world.sinkUrl}/well`, eventTypes: ['*'], secrets: [DOWNSTREAM_SECRET], freshSecret: '', limits: { ratePerSecond: 0, concurrency: 0 }, timeoutMs: 5_000, retry: { scheduleMs: [], maxAttempts: null } });
    await world.store.targets.updateOne({ _id: 'tgt_default' as TargetId }, { $set: { 'secrets.0.sealed.text': Buffer.alloc(80).toString('base64') }, $inc: { version: 1 } });
    const { reason } = await processor.told.until('target.unreadable');
    assert.match(reason, /^Signing secret sec_\w+ cannot be opened: master key .* does not open it/);
    const told = watchTelemetry(processor.telemetry);
    await eventually(async () => {
      const { body } = await post(server.url);
      await eventually(() => assert.ok(world.received().get(body.id)?.some(({ path }) => path === '/well'), 'Expected the other target to be sent to'));
    });
    const { body } = await post(server.url);
    await told.until('delivery.settled', ({ targetId, deliveryId }) => targetId === 'tgt_well' && deliveryId.startsWith(body.id));
    assert.ok(world.sink.requests.every(({ path, headers }) => path === '/well' || String(headers['webhook-signature']).startsWith('v1,')), 'nothing goes out unsigned');
    assert.ok(!(world.received().get(body.id) ?? []).some(({ path }) => path !== '/well'));
    const { lines, code } = await runToolWith((context) => statusCommand(context, () => undefined), { ...world.env, ...env }, []);
    assert.equal(code, 1);
    assert.match(lines.join('\n'), /tgt_default +disabled[\s\S]*tgt_default is not sent to: Signing secret sec_\w+ cannot be opened/);

    const [closed] = (await admin(server.url, SECRETS)).body['secrets'] as readonly { readonly id: string; readonly fault: string }[];
    assert.match(closed?.fault ?? '', /does not open it/);
    const { body: { secret } } = await admin(server.url, `POST ${ROTATE}`);
    assert.equal((await admin(server.url, `DELETE ${SECRETS}/${closed?.id ?? ''}`)).status, 200);
    await eventually(() => assert.ok(world.received().get(body.id)?.some((request) => request.path !== '/well' && fitsSecret(request, String(secret))), 'Expected what was owed to be sent'), { timeoutMs: 20_000 });
    assert.deepEqual(told.all('target.unreadable').filter(({ reason: again }) => again !== reason), []);
  }));
