/** Finds the secret that signs events: the environment or `.env` first, then the one that `npm start` made and keeps. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { secretKey } from '../../src/domain/signing.ts';
import { readSecrets } from '../../src/runtime/config-values.ts';
import type { Environment } from '../../src/runtime/config.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { ToolError } from '../cli/tool-error.ts';

const KEPT_IN = join('.data', 'ingest-secret');

/** The first of several. @throws ToolError (exit 2) that names both places */
export async function findSecret(environment: Environment, folder: string): Promise<string> {
  const set = environment['INGEST_SECRET']?.trim() ?? '';
  const text = set === '' ? await readKept(join(folder, KEPT_IN)) : set;
  if (text === '') {
    throw new ToolError(EXIT.usage, 'no_secret', `No ingest secret: INGEST_SECRET is not set in the environment or .env, and there is no ${KEPT_IN}`, {
      fix: 'set INGEST_SECRET to the secret of the server, or run npm start here, which makes one',
    });
  }
  const reading = readSecrets(secretKey)(text);
  const [first] = reading.ok ? reading.value : [];
  if (first === undefined) throw new ToolError(EXIT.usage, 'invalid_secret', `${set === '' ? KEPT_IN : 'INGEST_SECRET'}: expected ${reading.ok ? 'a secret' : reading.expected}, got something else`);
  return first;
}

async function readKept(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
