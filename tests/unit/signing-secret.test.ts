/** What a target signs with: both kinds in one header, each until its instant, with keys made ready once. */
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { bareSecretId, newSecretId } from '../../src/domain/ids.ts';
import { bareSecret, faultOf, kindOf, newSecretOf, publicKeyOf, signatureHeader, type SigningSecret } from '../../src/domain/signing-secret.ts';

interface Vector {
  readonly name: string;
  readonly secrets: readonly string[];
  readonly id: string;
  readonly timestamp: string;
  readonly bodyBase64: string;
  readonly signature: string;
  readonly publicKey: string;
}

const { ed25519: vectors } = JSON.parse(readFileSync(new URL('vectors/signing.json', import.meta.url), 'utf8')) as { readonly ed25519: readonly Vector[] };
const NOW_MS = Date.UTC(2026, 0, 1);
const at = (nowMs = NOW_MS) => ({ id: 'evt_1', timestamp: String(Math.floor(nowMs / 1_000)), nowMs });
const BODY = Buffer.from('{"type":"order.paid"}');

const secretOf = (secret: string, expiresAt: Date | null = null): SigningSecret => ({ id: newSecretId(), kind: kindOf(secret), createdAt: null, expiresAt, secret });
const publicKey = (text: string) => createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(text.slice(5), 'base64')]), format: 'der', type: 'spki' });

describe('an ed25519 signature', () => {
  for (const { name, secrets, id, timestamp, bodyBase64, signature, publicKey: expected } of vectors) {
    test(`matches the fixed vector: ${name}`, () => {
      const all = secrets.map((secret, index) => bareSecret(secret, bareSecretId(index)));
      assert.equal(signatureHeader(all, { id, timestamp, nowMs: NOW_MS }, Buffer.from(bodyBase64, 'base64')), signature);
      assert.deepEqual(all.map(publicKeyOf).filter((key) => key !== null), [expected]);
    });
  }

  test('fits the public key that is told, for any bytes', () => {
    const secret = secretOf(newSecretOf('ed25519'));
    const key = publicKey(publicKeyOf(secret) ?? '');
    fc.assert(fc.property(fc.uint8Array(), (body) => {
      const [, signature = ''] = signatureHeader([secret], at(), body).split(',');
      assert.ok(verify(null, Buffer.concat([Buffer.from(`evt_1.${at().timestamp}.`), body]), key, Buffer.from(signature, 'base64')));
    }), { numRuns: 30 });
  });
});

describe('a secret', () => {
  test('of either kind made here signs, and is never the same twice', () => {
    for (const kind of ['hmac', 'ed25519'] as const) {
      const made = Array.from({ length: 10 }, () => newSecretOf(kind));
      assert.equal(new Set(made).size, 10);
      for (const secret of made) assert.match(signatureHeader([secretOf(secret)], at(), BODY), kind === 'hmac' ? /^v1,\S+$/ : /^v1a,\S+$/);
    }
  });

  test('that is no key signs nothing: wrong length, wrong alphabet, a public half of another seed', () => {
    const [one, other] = [Buffer.from(newSecretOf('ed25519').slice(5), 'base64'), Buffer.from(newSecretOf('ed25519').slice(5), 'base64')];
    const mixed = `whsk_${Buffer.concat([one.subarray(0, 32), other.subarray(32)]).toString('base64')}`;
    for (const secret of ['whsk_', 'whsk_AAAA', `whsk_${Buffer.alloc(33).toString('base64')}`, `whsk_${'-'.repeat(44)}`, mixed, 'whsec_short']) assert.equal(signatureHeader([secretOf(secret)], at(), BODY), '', secret);
  });

  test('signs until its instant, and not from it on', () => {
    const [current, old] = [secretOf(newSecretOf('hmac')), secretOf(newSecretOf('hmac'), new Date(NOW_MS))];
    assert.equal(signatureHeader([current, old], at(NOW_MS - 1), BODY).split(' ').length, 2);
    assert.equal(signatureHeader([current, old], at(NOW_MS), BODY), signatureHeader([current], at(NOW_MS), BODY));
  });

  test('that does not open signs nothing, and shows no public key', () => {
    const closed: SigningSecret = { id: newSecretId(), kind: 'ed25519', createdAt: null, expiresAt: null, fault: 'sealed' };
    assert.deepEqual([signatureHeader([closed], at(), BODY), publicKeyOf(closed), faultOf([closed]), faultOf([])], ['', null, `Signing secret ${closed.id} cannot be opened: sealed`, null]);
  });
});

test('one header holds every live secret of both kinds, and the reference library finds its own among them', () => {
  const hmacs = [newSecretOf('hmac'), newSecretOf('hmac')];
  const now = Date.now();
  const header = signatureHeader([secretOf(hmacs[0] ?? ''), secretOf(newSecretOf('ed25519')), secretOf(hmacs[1] ?? '')], at(now), BODY);
  assert.match(header, /^v1,\S+ v1a,\S+ v1,\S+$/);
  for (const secret of hmacs) assert.deepEqual(new Webhook(secret).verify(BODY.toString(), { 'webhook-id': 'evt_1', 'webhook-timestamp': at(now).timestamp, 'webhook-signature': header }), JSON.parse(BODY.toString()));
});
