/** Which requests count as signed by their source, for every scheme: published examples, rotation, and every bit that is changed. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { expandSource, sourceFault, type HmacForm, type SourceScheme } from '../../src/domain/source.ts';
import { createVerifier } from '../../src/ingest/schemes/scheme.ts';
import type { SchemeVerdict } from '../../src/ingest/schemes/verdict.ts';

interface Vector {
  readonly what: string;
  readonly scheme: SourceScheme;
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timestampMs: number | null;
}

const VECTORS = JSON.parse(readFileSync(new URL('vectors/sources.json', import.meta.url), 'utf8')) as readonly Vector[];
const KEY = { in: 'header', name: 'X-Key' } as const;

function verdictOf(scheme: SourceScheme, secrets: readonly string[], headers: Readonly<Record<string, string>>, body: string | Uint8Array): SchemeVerdict {
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const expanded = expandSource({ scheme, idempotency: KEY, eventType: null });
  return createVerifier(expanded, secrets)((name) => byName.get(name.toLowerCase()), Buffer.from(body));
}

const isSigned = (...request: Parameters<typeof verdictOf>): boolean => verdictOf(...request).kind === 'signed';

describe('what a provider sends is signed', () => {
  for (const { what, scheme, secret, headers, body, timestampMs } of VECTORS) {
    test(what, () => {
      assert.deepEqual(verdictOf(scheme, [secret], headers, body), { kind: 'signed', timestampMs, idempotencyKey: null });
      assert.equal(isSigned(scheme, ['another secret', secret], headers, body), true, 'any live secret will do');
      assert.equal(isSigned(scheme, ['another secret'], headers, body), false);
      assert.equal(isSigned(scheme, [], headers, body), false);
      assert.equal(isSigned(scheme, [secret], {}, body), false);
      assert.equal(isSigned(scheme, [secret], headers, `${body} `), false);
    });

    test(`${what}: no other body, whichever bit is changed`, () => {
      fc.assert(fc.property(fc.nat(body.length - 1), fc.nat(7), (at, bit) => {
        const changed = Buffer.from(body);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        assert.equal(isSigned(scheme, [secret], headers, changed), false);
      }));
    });
  }

  test('with another timestamp it is not', () => {
    for (const { scheme, secret, headers, body, timestampMs } of VECTORS.filter((vector) => vector.timestampMs !== null)) {
      const later = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace(String(Number(timestampMs) / 1_000), '1999999999')]));
      assert.equal(isSigned(scheme, [secret], later, body), false);
    }
  });

  test('presets know where key and type stand', () => {
    const places = (['github', 'stripe', 'shopify', 'slack'] as const).map((kind) => {
      const { idempotency, eventType } = expandSource({ scheme: { kind }, idempotency: null, eventType: null });
      return [kind, ...[idempotency, eventType].map((place) => (place?.in === 'header' ? `header ${place.name}` : (place?.path ?? 'nowhere')))];
    });
    assert.deepEqual(places, [
      ['github', 'header X-GitHub-Delivery', 'header X-GitHub-Event'],
      ['stripe', 'id', 'type'],
      ['shopify', 'header X-Shopify-Webhook-Id', 'header X-Shopify-Topic'],
      ['slack', 'event_id', 'event.type'],
    ]);
  });
});

describe('a described HMAC', () => {
  const NOW = '1767225600';
  const formOf = (more: Partial<HmacForm>): SourceScheme => ({ kind: 'hmac-body', header: 'X-Sign', prefix: '', encoding: 'hex', content: '{body}', timestamp: null, ...more });
  const sign = (text: string, encoding: 'hex' | 'base64' = 'hex'): string => createHmac('sha256', 'a secret').update(text).digest(encoding);

  test('may have text on both sides of the body, and base64', () => {
    const scheme = formOf({ content: 'a.{timestamp}|{body}|z', encoding: 'base64', timestamp: { header: 'X-Time', prefix: '' } });
    assert.deepEqual(verdictOf(scheme, ['a secret'], { 'X-Sign': sign(`a.${NOW}|{}|z`, 'base64'), 'X-Time': NOW }, '{}'), { kind: 'signed', timestampMs: 1_767_225_600_000, idempotencyKey: null });
  });

  test('may come several times in one header, as while a secret is changed', () => {
    assert.equal(isSigned(formOf({ prefix: 'v1=' }), ['a secret'], { 'X-Sign': `v1=${'0'.repeat(64)}, v0=x, v1=${sign('{}')}` }, '{}'), true);
    assert.equal(isSigned(formOf({}), ['a secret'], { 'X-Sign': [...Array.from({ length: 10 }, () => '0'.repeat(64)), sign('{}')].join(',') }, '{}'), false, 'no more than ten are looked at');
  });

  for (const [what, value] of [['of another prefix', 'v2=$'], ['without its prefix', '$'], ['with rubbish behind it', 'v1=$0'], ['shortened', 'v1=cut'], ['with a space in it', 'v1= $'], ['empty', 'v1=']] as const) {
    test(`does not count ${what}`, () => assert.equal(isSigned(formOf({ prefix: 'v1=' }), ['a secret'], { 'X-Sign': value.replace('cut', sign('{}').slice(1)).replace('$', sign('{}')) }, '{}'), false));
  }

  for (const timestamp of ['1e9', '0x69571d80', '1767225600000', ' ', '-767225600', '١٧٦٧٢٢٥٦٠٠', '1767225600 ']) {
    test(`needs ten digits for a time, not ${JSON.stringify(timestamp)}`, () => {
      const scheme = formOf({ content: '{timestamp}.{body}', timestamp: { header: 'X-Time', prefix: 't=' } });
      assert.equal(isSigned(scheme, ['a secret'], { 'X-Sign': sign(`${timestamp}.{}`), 'X-Time': `t=${timestamp}` }, '{}'), false);
    });
  }

  test('signs bytes, not text: bodies that only look alike differ', () => {
    assert.equal(isSigned(formOf({}), ['a secret'], { 'X-Sign': createHmac('sha256', 'a secret').update(Buffer.from([0xff])).digest('hex') }, Buffer.from([0xfe])), false);
  });

  test('must sign its body once, its timestamp if there is one, and say where the key stands', () => {
    const faultOf = (form: Partial<HmacForm>, idempotency: typeof KEY | null = KEY): string | undefined => sourceFault({ scheme: formOf(form), idempotency })?.message;
    assert.equal(faultOf({}), undefined);
    assert.match(faultOf({ content: 'v0:{timestamp}' }) ?? '', /\{body\} exactly once/);
    assert.match(faultOf({ content: '{body}{body}' }) ?? '', /\{body\} exactly once/);
    assert.match(faultOf({ content: '{timestamp}.{body}' }) ?? '', /must not hold/);
    assert.match(faultOf({ timestamp: { header: 'X-Time', prefix: '' } }) ?? '', /not signed proves nothing/);
    assert.match(faultOf({}, null) ?? '', /where the key stands/);
    assert.match(sourceFault({ scheme: { kind: 'hooktail' }, idempotency: KEY })?.message ?? '', /must be null/);
  });
});

describe('the schemes that sign their key', () => {
  const body = '{"type":"order.created"}';
  const secret = `whsec_${Buffer.alloc(24, 5).toString('base64')}`;
  const at = new Date(1_767_225_600_000);
  const standard = { 'webhook-id': 'msg_1', 'webhook-timestamp': '1767225600', 'webhook-signature': new Webhook(secret).sign('msg_1', at, body) };
  const ours = { 'X-Idempotency-Key': 'order-1', 'X-Timestamp': '1767225600', 'X-Signature': createHmac('sha256', 'a plain secret').update(`1767225600.order-1.${body}`).digest('hex') };

  test('tell it with the time', () => {
    assert.deepEqual(verdictOf({ kind: 'standard-webhooks' }, [secret], standard, body), { kind: 'signed', timestampMs: at.getTime(), idempotencyKey: 'msg_1' });
    assert.deepEqual(verdictOf({ kind: 'hooktail' }, ['a plain secret'], ours, body), { kind: 'signed', timestampMs: at.getTime(), idempotencyKey: 'order-1' });
  });

  test('are not taken for each other', () => {
    assert.equal(isSigned({ kind: 'hooktail' }, [secret], standard, body), false);
    assert.equal(isSigned({ kind: 'standard-webhooks' }, ['a plain secret'], ours, body), false);
  });

  test('say nothing of what was expected to anybody but the log', () => {
    const verdict = verdictOf({ kind: 'hooktail' }, ['another'], ours, body);
    assert.ok(verdict.kind === 'unsigned' && verdict.reason.startsWith('invalid_signature'));
  });
});
