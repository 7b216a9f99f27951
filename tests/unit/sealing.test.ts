/** Secrets at rest: what was sealed opens in its place under its key, and nowhere else, however it was changed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createKeyring, masterKeyOf, newMasterKey, NO_KEYS, open, seal, type MasterKey, type Sealed, type SealPlace } from '../../src/domain/sealing.ts';

interface Vector {
  readonly name: string;
  readonly key: string;
  readonly place: SealPlace;
  readonly sealed: Sealed;
  readonly text: string;
}

const { sealed: vectors } = JSON.parse(readFileSync(new URL('vectors/sealing.json', import.meta.url), 'utf8')) as { readonly sealed: readonly Vector[] };
const PLACE: SealPlace = { collection: 'targets', id: 'tgt_one', purpose: 'signing/sec_1' };

function keyOf(text: string): MasterKey {
  const key = masterKeyOf(text);
  assert.ok(key !== null, 'expected a master key');
  return key;
}

const KEY = keyOf(`one:${Buffer.alloc(32, 1).toString('base64')}`);
const RING = createKeyring([KEY]);

describe('a sealed text', () => {
  for (const { name, key, place, sealed, text } of vectors) {
    test(`opens as the fixed vector says: ${name}`, () => assert.deepEqual(open(createKeyring([keyOf(key)]), sealed, place), { ok: true, text }));
  }

  test('opens to what it was, whatever it was', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.deepEqual(open(RING, seal(KEY, text, PLACE), PLACE), { ok: true, text: text.toWellFormed() })));
  });

  test('is another one each time, with an IV of its own', () => {
    const all = Array.from({ length: 100 }, () => seal(KEY, 'the same', PLACE));
    assert.equal(new Set(all.map(({ iv }) => iv)).size, 100);
    assert.equal(new Set(all.map(({ text }) => text)).size, 100);
  });

  test('does not hold what was sealed, or any part of it', () => {
    const { iv, text } = seal(KEY, 'whsec_AAAABBBBCCCC', PLACE);
    assert.ok(![iv, text, Buffer.from(text, 'base64').toString('latin1')].some((part) => part.includes('AAAA') || part.includes('whsec')));
  });

  test('opens in no other document, field or collection', () => {
    const sealed = seal(KEY, 'text', PLACE);
    for (const other of [{ id: 'tgt_two' }, { purpose: 'signing/sec_2' }, { collection: 'sources' }, { collection: 'targetstgt_one', id: '' }]) assert.equal(open(RING, sealed, { ...PLACE, ...other }).ok, false, JSON.stringify(other));
  });

  test('with one bit changed anywhere opens nowhere, and throws nothing', () => {
    const sealed = seal(KEY, 'text', PLACE);
    for (const part of ['iv', 'text'] as const) {
      for (let at = 0; at < Buffer.from(sealed[part], 'base64').length; at += 1) {
        const bytes = Buffer.from(sealed[part], 'base64');
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        assert.equal(open(RING, { ...sealed, [part]: bytes.toString('base64') }, PLACE).ok, false, `${part}, byte ${at}`);
      }
    }
  });

  test('cut short, or replaced by anything at all, opens nowhere, and throws nothing', () => {
    const sealed = seal(KEY, 'text', PLACE);
    fc.assert(fc.property(fc.string(), fc.string(), (iv, text) => {
      for (const broken of [{ ...sealed, iv }, { ...sealed, text }, { ...sealed, iv, text }, { ...sealed, text: sealed.text.slice(0, 8) }]) assert.equal(open(RING, broken, PLACE).ok, false);
    }));
  });

  test('under another key of the same name is told as that', () => {
    const opened = open(createKeyring([keyOf(`one:${Buffer.alloc(32, 2).toString('base64')}`)]), seal(KEY, 'text', PLACE), PLACE);
    assert.match(opened.ok ? '' : opened.fault, /^master key one does not open it/);
  });

  test('under a key that is not at hand is told with its name', () => {
    const opened = open(NO_KEYS, seal(KEY, 'text', PLACE), PLACE);
    assert.equal(opened.ok ? '' : opened.fault, 'its master key one is not at hand');
  });
});

describe('a master key', () => {
  test('made here is read again, and never the same twice', () => {
    const texts = Array.from({ length: 50 }, newMasterKey);
    assert.equal(new Set(texts.map((text) => keyOf(text).id)).size, 50);
    for (const text of texts) assert.match(text, /^key_[0-9a-f]{10}:[A-Za-z0-9+/]{43}=$/);
  });

  test('without a name has one of its own, which is the same each time', () => {
    const text = Buffer.alloc(32, 3).toString('base64');
    assert.equal(keyOf(text).id, keyOf(text).id);
    assert.notEqual(keyOf(text).id, keyOf(Buffer.alloc(32, 4).toString('base64')).id);
  });

  test('of any other length or alphabet is none', () => {
    for (const text of ['', 'one:', Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64'), Buffer.alloc(32, 255).toString('base64url'), `a:b:${Buffer.alloc(32).toString('base64')}`]) assert.equal(masterKeyOf(text), null, text);
  });

  test('does not show in what is printed of it', () => assert.ok(!JSON.stringify(RING.newest).includes('AQEB')));
});
