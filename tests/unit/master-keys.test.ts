/** Where the master keys of a process come from: one place, named in every fault, and never repeated. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { newMasterKey } from '../../src/domain/sealing.ts';
import { loadConfig, type Environment } from '../../src/runtime/config.ts';
import { FatalError } from '../../src/runtime/errors.ts';
import { loadKeyring } from '../../src/runtime/master-keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'hooktail-keys-'));
after(() => rmSync(folder, { recursive: true }));

const [newer, older] = [newMasterKey(), newMasterKey()];
const idOf = (key: string): string => key.slice(0, key.indexOf(':'));
const ringOf = (environment: Environment) => loadKeyring(loadConfig(environment));

function fileWith(text: string): string {
  const path = join(folder, 'keys');
  writeFileSync(path, text);
  return path;
}

const refused = (environment: Environment, message: RegExp): void =>
  assert.throws(() => ringOf(environment), (error) => {
    assert.ok(error instanceof FatalError);
    assert.match(error.message, message);
    assert.ok(!error.message.includes(newer.slice(newer.indexOf(':') + 1)), 'a key in a message');
    return true;
  });

test('none means that nothing is sealed', () => assert.deepEqual([ringOf({}).newest, ringOf({}).byId.size], [null, 0]));

test('the first of several seals, and all of them open', () => {
  for (const ring of [ringOf({ HOOKTAIL_MASTER_KEY: `${newer}, ${older}` }), ringOf({ HOOKTAIL_MASTER_KEY_FILE: fileWith(`${newer}\n${older}\n`) })]) {
    assert.deepEqual([ring.newest?.id, [...ring.byId.keys()]], [idOf(newer), [idOf(newer), idOf(older)]]);
  }
});

test('both places at once, a file that is not there, and one that holds no keys are refused by name', () => {
  refused({ HOOKTAIL_MASTER_KEY: newer, HOOKTAIL_MASTER_KEY_FILE: fileWith(newer) }, /^HOOKTAIL_MASTER_KEY and HOOKTAIL_MASTER_KEY_FILE are both set$/);
  refused({ HOOKTAIL_MASTER_KEY_FILE: join(folder, 'none') }, /^HOOKTAIL_MASTER_KEY_FILE: cannot read .*none: ENOENT/);
  for (const text of ['', 'no keys', `${newer} and more`]) refused({ HOOKTAIL_MASTER_KEY_FILE: fileWith(text) }, /^HOOKTAIL_MASTER_KEY_FILE: expected keys of 32 bytes in base64/);
});
