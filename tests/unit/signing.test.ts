/**
 * Signatures against fixed vectors (made with another language's HMAC; the first is the example in the Standard Webhooks
 * specification) and against the reference library.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { digestsEqual, newSecret, secretKey, signedDigest, standardSignature } from '../../src/domain/signing.ts';

interface StandardVector {
  readonly name: string;
  readonly secrets: readonly string[];
  readonly id: string;
  readonly timestamp: string;
  readonly bodyBase64: string;
  readonly signature: string;
}

interface HexVector {
  readonly name: string;
  readonly secret: string;
  readonly timestamp: string;
  readonly key: string;
  readonly bodyBase64: string;
  readonly hex: string;
}

interface Vectors {
  readonly standardWebhooks: readonly StandardVector[];
  readonly xSignature: readonly HexVector[];
}

const vectors = JSON.parse(readFileSync(new URL('vectors/signing.json', import.meta.url), 'utf8')) as Vectors;
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

function keyOf(secret: string): Buffer {
  const key = secretKey(secret);
  assert.ok(key !== null, 'expected a usable secret');
  return key;
}

describe('the Standard Webhooks signature', () => {
  for (const { name, secrets, id, timestamp, bodyBase64, signature } of vectors.standardWebhooks) {
    test(`matches the fixed vector: ${name}`, () => {
      assert.equal(standardSignature(secrets.map(keyOf), id, timestamp, Buffer.from(bodyBase64, 'base64')), signature);
    });
  }

  test('is what the reference library signs and accepts, for any JSON body and any secret', () => {
    const key = fc.uint8Array({ minLength: 16, maxLength: 64 });
    const now = Math.floor(Date.now() / 1_000);
    fc.assert(fc.property(key, fc.stringMatching(/^[A-Za-z0-9_]{1,40}$/), fc.json(), (bytes, id, body) => {
      const secret = `whsec_${Buffer.from(bytes).toString('base64')}`;
      const signature = standardSignature([keyOf(secret)], id, String(now), Buffer.from(body));
      const reference = new Webhook(secret);
      assert.equal(signature, reference.sign(id, new Date(now * 1_000), body));
      assert.deepEqual(reference.verify(body, { 'webhook-id': id, 'webhook-timestamp': String(now), 'webhook-signature': signature }), JSON.parse(body));
    }));
  });

  test('is accepted by a receiver that knows either of two live secrets', () => {
    const older = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
    const now = String(Math.floor(Date.now() / 1_000));
    const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': now, 'webhook-signature': standardSignature([SECRET, older].map(keyOf), 'evt_1', now, Buffer.from('{}')) };
    for (const secret of [SECRET, older]) assert.deepEqual(new Webhook(secret).verify('{}', headers), {});
  });

  test('fails with one byte flipped anywhere in the id, the time, the body or the key', () => {
    const body = Buffer.from('{"type":"order.paid"}');
    const signature = standardSignature([keyOf(SECRET)], 'evt_1', '1767225600', body);
    const sign = (key: Buffer, id: Buffer, timestamp: Buffer, content: Buffer): string => standardSignature([key], id.toString('latin1'), timestamp.toString('latin1'), content);
    const parts = (): [Buffer, Buffer, Buffer, Buffer] => [Buffer.from(keyOf(SECRET)), Buffer.from('evt_1'), Buffer.from('1767225600'), Buffer.from(body)];
    assert.equal(sign(...parts()), signature);
    for (const [part, { length }] of parts().entries()) {
      for (let at = 0; at < length; at += 1) {
        const flipped = parts();
        const bytes = flipped[part];
        assert.ok(bytes !== undefined);
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        assert.notEqual(sign(...flipped), signature, `part ${part}, byte ${at}`);
      }
    }
  });
});

test('bodies that decode to the same text but differ in bytes have different signatures', () => {
  // Both bytes decode to U+FFFD, so signing decoded text would not tell them apart.
  const digests = [0xff, 0xfe].map((byte) => signedDigest(keyOf(SECRET), 'evt_1', '1767225600', Buffer.from([byte])).toString('hex'));
  assert.notEqual(digests[0], digests[1]);
});

describe('the X-Signature digest', () => {
  for (const { name, secret, timestamp, key, bodyBase64, hex } of vectors.xSignature) {
    test(`matches the fixed vector: ${name}`, () => {
      assert.equal(signedDigest(keyOf(secret), timestamp, key, Buffer.from(bodyBase64, 'base64')).toString('hex'), hex);
    });
  }
});

describe('a signing secret', () => {
  test('made here is 32 bytes in the standard form, and never the same twice', () => {
    const secrets = Array.from({ length: 50 }, newSecret);
    for (const secret of secrets) {
      assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
      assert.equal(secretKey(secret)?.length, 32);
    }
    assert.equal(new Set(secrets).size, 50);
  });

  test('is base64 after whsec_ and its UTF-8 bytes otherwise', () => {
    assert.deepEqual(secretKey(SECRET), Buffer.alloc(32, 7));
    assert.deepEqual(secretKey('pässword'), Buffer.from('pässword', 'utf8'));
  });

  test('that cannot be a key is refused', () => {
    const short = `whsec_${Buffer.alloc(15).toString('base64')}`;
    for (const secret of ['', 'whsec_', short, 'whsec_not base64 at all, however long', `whsec_${'A'.repeat(20)}====`]) assert.equal(secretKey(secret), null, secret);
  });

  test('of exactly 16 bytes is enough', () => {
    assert.equal(secretKey(`whsec_${Buffer.alloc(16, 1).toString('base64')}`)?.length, 16);
  });
});

describe('comparing digests', () => {
  const digest = signedDigest(keyOf(SECRET), 'a', 'b', Buffer.from('c'));

  test('says equal for equal bytes only', () => {
    assert.equal(digestsEqual(digest, Buffer.from(digest)), true);
    for (let at = 0; at < digest.length; at += 1) {
      const other = Buffer.from(digest);
      other[at] = (other[at] ?? 0) ^ 0x80;
      assert.equal(digestsEqual(digest, other), false, `byte ${at}`);
    }
  });

  test('of different lengths says unequal and does not throw', () => {
    assert.equal(digestsEqual(digest, digest.subarray(1)), false);
    assert.equal(digestsEqual(digest, Buffer.alloc(0)), false);
  });
});
