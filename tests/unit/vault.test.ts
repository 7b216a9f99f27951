/** Secrets between documents and memory: sealed once there is a key, older forms still read, and opened once while nothing changes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newSecretId } from '../../src/domain/ids.ts';
import { createKeyring, masterKeyOf, newMasterKey, type MasterKey } from '../../src/domain/sealing.ts';
import { kindOf } from '../../src/domain/signing-secret.ts';
import { signingOf, Vault, type StoredSecret } from '../../src/store/vault.ts';

const [OWNER, TEXT] = [signingOf('tgt_one'), 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];

function newKey(): MasterKey {
  const key = masterKeyOf(newMasterKey());
  assert.ok(key !== null);
  return key;
}

const label = () => ({ id: newSecretId(), kind: kindOf(TEXT), createdAt: new Date(0), expiresAt: null });
const vaultOf = (...keys: readonly MasterKey[]): Vault => new Vault(createKeyring(keys));

/** The sealed text replaced by another one of the same key. */
function tampered(stored: StoredSecret): StoredSecret {
  assert.ok('sealed' in stored);
  return { ...stored, sealed: { ...stored.sealed, text: `AAAA${stored.sealed.text.slice(4)}` } };
}

describe('stored secrets', () => {
  test('are plain without a key, sealed with one, and read alike', () => {
    const [plain, sealed] = [vaultOf(), vaultOf(newKey())];
    const [open, closed] = [plain.keep(OWNER, label(), TEXT), sealed.keep(OWNER, label(), TEXT)];
    assert.deepEqual(['plain' in open, 'sealed' in closed, JSON.stringify(closed).includes('MfKQ')], [true, true, false]);
    for (const [vault, stored] of [[plain, open], [sealed, closed], [sealed, open]] as const) assert.equal(vault.read(OWNER, [stored]).map((one) => ('secret' in one ? one.secret : one.fault)).join(), TEXT);
  });

  test('of an older release, bare texts, are read under ids that stay', () => {
    const read = vaultOf().read(OWNER, [TEXT, 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=']);
    assert.deepEqual(read.map(({ id, kind, createdAt, expiresAt }) => [id, kind, createdAt, expiresAt]), [['sec_0', 'hmac', null, null], ['sec_1', 'hmac', null, null]]);
  });

  test('stay the same objects as long as nothing of them changes, sealed anew or not', () => {
    const [vault, stored] = [vaultOf(newKey()), label()];
    const kept = vault.keep(OWNER, stored, TEXT);
    assert.equal(vault.read(OWNER, [kept])[0], vault.read(OWNER, [kept])[0]);
    assert.notEqual(vault.read(OWNER, [kept])[0], vault.read(OWNER, [{ ...kept, expiresAt: new Date(1) }])[0]);
  });

  test('of another target do not open, nor tampered ones, and say why', () => {
    const vault = vaultOf(newKey());
    const kept = vault.keep(OWNER, label(), TEXT);
    for (const [owner, stored] of [[signingOf('tgt_two'), kept], [OWNER, tampered(kept)], [OWNER, { ...kept, id: newSecretId() }]] as const) assert.match(JSON.stringify(vault.read(owner, [stored])), /does not open it/);
  });

  test('are sealed anew under the newest key, and left alone when they do not open', () => {
    const [older, newer] = [newKey(), newKey()];
    const kept = vaultOf(older).keep(OWNER, label(), TEXT);
    const again = vaultOf(newer, older).rekey(OWNER, kept);
    assert.ok(again !== null && 'sealed' in again);
    assert.deepEqual([again.sealed.keyId, again.id], [newer.id, kept.id]);
    assert.equal(vaultOf(newer).rekey(OWNER, kept), null);
    const [opened] = vaultOf(newer).read(OWNER, [again]);
    assert.equal(opened !== undefined && 'secret' in opened ? opened.secret : '', TEXT);
  });
});
