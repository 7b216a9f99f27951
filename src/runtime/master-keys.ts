/** The master keys of this process: from the environment, or from the file it names. Read once, at start. */
import { readFileSync } from 'node:fs';
import { createKeyring, masterKeyOf, type Keyring } from '../domain/sealing.ts';
import { readMasterKeys } from './config-values.ts';
import { CONFIG_ROWS, type Config } from './config.ts';
import { FatalError, messageOf } from './errors.ts';

/** @throws FatalError when both are set, or the file holds no keys */
export function loadKeyring({ masterKeys, masterKeyFile }: Pick<Config, 'masterKeys' | 'masterKeyFile'>): Keyring {
  if (masterKeyFile === null) return createKeyring(masterKeys);
  const [keyName, fileName] = [CONFIG_ROWS.masterKeys.env, CONFIG_ROWS.masterKeyFile.env];
  if (masterKeys.length > 0) throw new FatalError('invalid_config', `${keyName} and ${fileName} are both set`, { fix: 'keep one of them' });
  const reading = readMasterKeys(masterKeyOf)(readText(masterKeyFile, fileName));
  if (reading.ok) return createKeyring(reading.value);
  throw new FatalError('invalid_config', `${fileName}: expected ${reading.expected} in ${masterKeyFile}, got something else`, { fix: 'make one with npm run keys -- make' });
}

function readText(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new FatalError('invalid_config', `${name}: cannot read ${path}: ${messageOf(error)}`, { cause: error, fix: 'name a file that this user may read' });
  }
}
