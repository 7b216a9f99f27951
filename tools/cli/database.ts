/** The database as a tool works on it: found as always, with the master keys of the environment, and closed whatever happens. */
import { loadConfig } from '../../src/runtime/config.ts';
import { FatalError, messageOf, scrubUris } from '../../src/runtime/errors.ts';
import { loadKeyring } from '../../src/runtime/master-keys.ts';
import type { Keyring } from '../../src/domain/sealing.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { isTransient } from '../../src/store/write-errors.ts';
import { findConnection } from '../replay/connection.ts';
import type { ToolContext } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { ToolError } from './tool-error.ts';

/** @throws ToolError (exit 2 or 3) */
export async function withStore<Result>({ environment, folder }: Pick<ToolContext, 'environment' | 'folder'>, work: (store: Store) => Promise<Result>): Promise<Result> {
  const keyring = keyringOf(environment);
  const { connection } = await findConnection(environment, folder);
  try {
    return await work(openStore(connection.db, keyring));
  } catch (error) {
    throw isTransient(error) ? new ToolError(EXIT.unreachable, 'mongodb_lost', `Lost MongoDB: ${scrubUris(messageOf(error))}`, { cause: error }) : error;
  } finally {
    await connection.close();
  }
}

/** @throws ToolError (exit 2) */
export function keyringOf(environment: ToolContext['environment']): Keyring {
  try {
    return loadKeyring(loadConfig(environment));
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    throw new ToolError(EXIT.usage, error.code, error.message, { cause: error, ...(error.fix === null ? {} : { fix: error.fix }) });
  }
}
