/** Whether a request is ours: lately signed, with one of our secrets, over exactly these bytes. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { Problem } from '../../src/http/problem.ts';
import { readSignedHeaders, type SignedHeaders } from '../../src/ingest/signed-headers.ts';
import { checkSignature, checkTimestamp, keysOf } from '../../src/ingest/verify.ts';

const SECRET = `whsec_${Buffer.alloc(24, 5).toString('base64')}`;
const PLAIN = 'a plain secret';
const NOW_MS = Date.UTC(2026, 0, 1);
const TIMESTAMP = String(NOW_MS / 1_000);
const BODY = Buffer.from('{"type":"order.created"}');

interface Signed {
  readonly secret?: string;
  readonly key?: string;
  readonly timestamp?: string;
  readonly body?: Buffer;
}

/** Signed as the sender's side would, with nothing of ours. */
function x({ secret = PLAIN, key = 'order-1', timestamp = TIMESTAMP, body = BODY }: Signed = {}): SignedHeaders {
  const signature = createHmac('sha256', secret).update(`${timestamp}.${key}.`).update(body).digest('hex');
  const headers: Record<string, string> = { 'X-Signature': signature, 'X-Timestamp': timestamp, 'X-Idempotency-Key': key };
  return readSignedHeaders((name) => headers[name]);
}

function standard({ secret = SECRET, key = 'msg_1', body = BODY }: Signed = {}): SignedHeaders {
  const headers: Record<string, string> = { 'webhook-signature': new Webhook(secret).sign(key, new Date(NOW_MS), body.toString()), 'webhook-timestamp': TIMESTAMP, 'webhook-id': key };
  return readSignedHeaders((name) => headers[name]);
}

const accepts = (headers: SignedHeaders, body: Uint8Array, secrets: readonly string[]): boolean => {
  try {
    checkSignature(headers, body, keysOf(secrets));
    return true;
  } catch (error) {
    assert.ok(error instanceof Problem && error.code === 'invalid_signature' && error.status === 401, String(error));
    return false;
  }
};

describe('a signature', () => {
  test('of either scheme fits with its secret', () => {
    assert.equal(accepts(x(), BODY, [PLAIN]), true);
    assert.equal(accepts(x({ timestamp: '2026-01-01T00:00:00Z' }), BODY, [PLAIN]), true);
    assert.equal(accepts(standard(), BODY, [SECRET]), true);
  });

  test('fits with any of several secrets, for rotation', () => {
    for (const secrets of [[SECRET, PLAIN], [PLAIN, SECRET], ['other', PLAIN]]) assert.equal(accepts(x(), BODY, secrets), true);
    assert.equal(accepts(x(), BODY, ['other', SECRET]), false);
  });

  test('never fits when there is no secret at all, or only unusable ones', () => {
    assert.equal(accepts(x({ secret: '' }), BODY, []), false);
    assert.equal(accepts(x({ secret: '' }), BODY, ['', 'whsec_short']), false);
  });

  test('of one scheme is worth nothing in the other', () => {
    const { scheme: _, ...rest } = x();
    assert.equal(accepts({ ...rest, scheme: 'standard' }, BODY, [PLAIN]), false);
  });

  test('without a digest never fits', () => assert.equal(accepts({ ...x(), digests: [] }, BODY, [PLAIN]), false));

  test('fits with no other body, key or time: one bit is enough', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 });
    fc.assert(fc.property(bytes, fc.nat(), fc.nat(7), (body, at, bit) => {
      const signed = x({ body: Buffer.from(body) });
      const changed = Uint8Array.from(body);
      const index = at % changed.length;
      changed[index] = (changed[index] ?? 0) ^ (1 << bit);
      assert.equal(accepts(signed, body, [PLAIN]), true);
      assert.equal(accepts(signed, changed, [PLAIN]), false);
    }));
    assert.equal(accepts({ ...x(), idempotencyKey: 'order-2' }, BODY, [PLAIN]), false);
    assert.equal(accepts({ ...x(), timestamp: String(Number(TIMESTAMP) + 1) }, BODY, [PLAIN]), false);
  });

  test('is refused without telling the one that was expected', () => {
    const expected = x().digests[0]?.toString('hex') ?? '';
    assert.throws(() => checkSignature(x({ secret: 'other' }), BODY, keysOf([PLAIN])), (error: Problem) => !error.detail.includes(expected) && !error.detail.includes(PLAIN));
  });
});

describe('a timestamp', () => {
  const check = (offMs: number) => (): void => checkTimestamp({ ...x(), timestampMs: NOW_MS + offMs }, NOW_MS);
  test('passes up to five minutes off, on either side', () => {
    for (const offMs of [0, 300_000, -300_000, 1]) assert.doesNotThrow(check(offMs));
  });
  test('is refused beyond, with how far it is off', () => {
    assert.throws(check(-301_000), { code: 'timestamp_out_of_window', detail: 'Expected a timestamp within 300 s of now, got one 301 s in the past' });
    assert.throws(check(3_600_000), { code: 'timestamp_out_of_window', detail: /3600 s ahead/ });
  });
});
