/** What opens something is never logged: both programs at debug, every route well and badly used, an event through, and then a look at every line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newMasterKey } from '../../src/domain/sealing.ts';
import { newTokenText } from '../../src/domain/admin-token.ts';
import { newSecretOf } from '../../src/domain/signing-secret.ts';
import { answer } from '../../tools/sink/sink.ts';
import { admin } from '../support/admin.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { DOWNSTREAM_SECRET, INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const ENV_TOKEN = 'canary-env-token-4711';
const BODY = '{"type":"order.created","card":"canary-body-4711"}';
const TARGET = '/targets/tgt_default';

for (const LOG_FORMAT of ['json', 'pretty']) {
  test(`as ${LOG_FORMAT}, no secret, body, signature or token is in any line`, () =>
    inWorld({ env: { ADMIN_TOKEN: ENV_TOKEN, LOG_LEVEL: 'debug', LOG_FORMAT, HOOKTAIL_MASTER_KEY: newMasterKey() } }, async (world) => {
      const env = { ...world.env, DOWNSTREAM_URL: `${world.sinkUrl}/x?key=canary-query-4711` };
      const refusedEnv = { ...env, DOWNSTREAM_URL: env.DOWNSTREAM_URL.replace('http://', 'http://user:canary-password-4711@') };
      const [server, processor] = [world.start('server', { PORT: '0' }), world.start('processor')];
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await server.line('server.started'))?.[0] ?? '';
      await processor.line('processor.started');
      world.sink.behave(({ seen }) => answer(seen === 1 ? 500 : 200, { body: 'canary-answer-4711' }));
      const canaries = new Set([ENV_TOKEN, BODY, 'canary', DOWNSTREAM_SECRET.slice(6), INGEST_SECRET, (world.env['HOOKTAIL_MASTER_KEY'] ?? '').split(':')[1] ?? '']);

      const { body: { id } } = await post(url, { body: BODY });
      await eventually(() => assert.equal(world.received().get(id)?.length, 2));
      for (const refused of [{ headers: { 'X-Signature': 'canary-signature-4711' } }, { secret: 'another' }, { body: '{canary' }, { body: '"canary"' }]) assert.ok((await post(url, refused)).status >= 400);

      const made = await admin(url, 'POST /tokens', { body: { name: 'canary-name', scope: 'admin' }, token: ENV_TOKEN });
      const rotated = await admin(url, `POST ${TARGET}/rotate-secret`, { token: ENV_TOKEN });
      await admin(url, `POST ${TARGET}/rotate-secret`, { body: { kind: 'ed25519' }, token: ENV_TOKEN });
      const token = String(made.body['token']);
      for (const secret of [token, String(rotated.body['secret'])]) canaries.add(secret).add(secret.slice(6));
      for (const [path, method] of [[`/events/${id}`, 'GET'], [`${TARGET}/secrets`, 'GET'], [`${TARGET}/public-keys`, 'GET'], ['/tokens', 'GET'], ['/audit', 'GET'], [`${TARGET}/rotate-secret`, 'POST'], [`/tokens/${made.body['id']}`, 'DELETE'], ['/nothing/canary', 'GET']] as const) {
        for (const given of [token, newTokenText(), 'canary-token-4711', newSecretOf('hmac')]) await admin(url, `${method} ${path}`, { token: given, ...(method === 'POST' ? { body: { more: 'canary' } } : {}) });
      }
      for (const request of world.sink.requests) for (const signature of String(request.headers['webhook-signature']).split(' ')) canaries.add(signature.slice(4));
      await server.kill('SIGTERM');
      await processor.kill('SIGTERM');
      const started = world.start('processor', env);
      await eventually(() => assert.match(started.output(), /target\.registered/));
      await started.kill('SIGTERM');
      const refused = world.start('processor', refusedEnv);
      assert.equal((await refused.exit).code, 1);

      const output = [server, processor, started, refused].map((child) => child.output()).join('\n');
      assert.ok(output.includes('delivery.attempted') && output.includes('request.refused'), 'Expected lines at debug');
      for (const canary of canaries) assert.ok(!output.includes(canary), `${canary} in ${output.split('\n').find((line) => line.includes(canary)) ?? ''}`);
    }));
}
