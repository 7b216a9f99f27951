/** Finds the MongoDB to work on: the environment or `.env` first, then the one that `npm start` runs and keeps under `.data`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig, requireSet, type Config, type Environment } from '../../src/runtime/config.ts';
import { FatalError, messageOf, scrubUris } from '../../src/runtime/errors.ts';
import { connect, type Connection } from '../../src/store/client.ts';
import { checkSchemaVersion } from '../../src/store/schema-version.ts';
import { openStore } from '../../src/store/store.ts';
import { isTransient } from '../../src/store/write-errors.ts';
import { EXIT, type ExitCode } from '../cli/exit-codes.ts';
import { ToolError } from '../cli/tool-error.ts';

export const KEPT_IN = join('.data', 'mongodb-uri');

export interface Found {
  readonly connection: Connection;
  readonly database: string;
}

/** @throws ToolError (exit 2 or 3) */
export async function findConnection(environment: Environment, folder: string): Promise<Found> {
  const config = readConfig(environment);
  const kept = config.mongodbUri === null ? await readKept(join(folder, KEPT_IN)) : null;
  const uri = config.mongodbUri ?? kept;
  if (uri === null) throw notSet(config);
  try {
    const connection = await connect({ uri, database: config.mongodbDb }, 'work');
    await refuseNewer(connection);
    return { connection, database: config.mongodbDb };
  } catch (error) {
    throw asToolError(error, kept === null ? null : `MONGODB_URI is not set, so ${KEPT_IN} was used: start npm start again, or set MONGODB_URI`);
  }
}

/** A tool works on what the programs have prepared; it prepares nothing itself. */
async function refuseNewer(connection: Connection): Promise<void> {
  try {
    await checkSchemaVersion(openStore(connection.db));
  } catch (error) {
    await connection.close();
    throw isTransient(error) ? new ToolError(EXIT.unreachable, 'mongodb_lost', `Lost MongoDB: ${scrubUris(messageOf(error))}`, { cause: error }) : asToolError(error, null);
  }
}

function readConfig(environment: Environment): Config {
  try {
    return loadConfig(environment);
  } catch (error) {
    throw asToolError(error, null);
  }
}

function notSet(config: Config): unknown {
  try {
    requireSet(config, 'mongodbUri');
  } catch (error) {
    return asToolError(error, `set it in the environment or in .env, or run npm start here, which writes ${KEPT_IN}`);
  }
  return new Error('Expected MONGODB_URI to be missing, got a value');
}

async function readKept(path: string): Promise<string | null> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    return text === '' ? null : text;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** A server that does not answer, or not to us, may do so later; everything else is for the person to set right first. */
const EXIT_OF: Readonly<Record<string, ExitCode>> = { mongodb_unreachable: EXIT.unreachable, mongodb_refused: EXIT.unreachable };

function asToolError(error: unknown, fix: string | null): unknown {
  if (!(error instanceof FatalError)) return error;
  const advice = fix ?? error.fix;
  return new ToolError(EXIT_OF[error.code] ?? EXIT.usage, error.code, error.message, { cause: error, ...(advice === null ? {} : { fix: advice }) });
}
