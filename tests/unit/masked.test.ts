/** What records and log lines show of values: names, ids and numbers, never anything that opens something. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newTokenText } from '../../src/domain/admin-token.ts';
import { newSecretOf } from '../../src/domain/signing-secret.ts';
import { scrubSecrets } from '../../src/runtime/errors.ts';
import { masked } from '../../src/runtime/masked.ts';

const CANARY = 'canary-4711';

describe('a record of changes', () => {
  test('keeps names and harmless values as they are', () => {
    const at = new Date(0);
    const plain = { before: { url: 'https://a.example/x', rate: 3, on: true, none: null, at, types: ['order.*'] }, secretId: 'sec_1', overlapSeconds: 60, kind: 'hmac' };
    assert.deepEqual(masked(plain), plain);
  });

  for (const name of ['secret', 'secrets', 'signingSecret', 'token', 'adminToken', 'password', 'authorization', 'X-Signature', 'cookie', 'privateKey', 'apiKey', 'api_key', 'api-key', 'credentials']) {
    test(`masks whatever stands under ${name}, however deep`, () => {
      for (const value of [CANARY, [CANARY], { inside: [{ more: CANARY }] }]) assert.ok(!JSON.stringify(masked({ before: { [name]: value } })).includes(CANARY));
    });
  }

  test('keeps the names of headers and masks their values', () => {
    assert.deepEqual(masked({ after: { headers: { 'x-tenant': CANARY }, customHeaders: { a: CANARY } } }), { after: { headers: { 'x-tenant': '***' }, customHeaders: { a: '***' } } });
  });

  test('masks what is a secret by its look, under any name', () => {
    for (const secret of [newSecretOf('hmac'), newSecretOf('ed25519'), newTokenText(), `Bearer ${CANARY}`, `https://user:${CANARY}@a.example/`]) {
      const shown = JSON.stringify(masked({ note: `it is ${secret}`, list: [secret] }));
      assert.ok(!shown.includes(CANARY) && !shown.includes(secret.slice(0, -10).slice(-12)), shown);
    }
  });

  test('ends where values end nowhere', () => {
    const endless: Record<string, unknown> = {};
    endless['again'] = endless;
    assert.match(JSON.stringify(masked({ endless })), /\*\*\*/);
  });
});

test('a text without secrets stays as it is', () => assert.equal(scrubSecrets('got ECONNREFUSED 127.0.0.1:80, whsec, htk'), 'got ECONNREFUSED 127.0.0.1:80, whsec, htk'));
