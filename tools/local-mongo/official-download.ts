/**
 * The official build, downloaded by mongodb-memory-server-core, which knows which archive fits which system.
 * It runs in a process of its own: it can be aborted, its progress bar stays out of our output, and its settings are given by environment only.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { none, tryCandidate, type Found, type Search } from './candidate.ts';
import { fetchIntoCache, findCached } from './cache.ts';
import { run } from './run.ts';

const fetcher = fileURLToPath(new URL('fetch-official.ts', import.meta.url));
const repository = fileURLToPath(new URL('../../', import.meta.url));

export async function findOfficial(search: Search): Promise<Found> {
  const cached = await findCached(search, '-download');
  return cached.kind === 'found' ? cached : fetchIntoCache(search, 'download', (folder) => fetchOfficial(folder, search));
}

async function fetchOfficial(folder: string, search: Search): Promise<Found> {
  search.note('asking the official download site');
  const env = {
    ...search.env,
    MONGOMS_DOWNLOAD_DIR: folder,
    MONGOMS_PREFER_GLOBAL_PATH: 'false',
    MONGOMS_RUNTIME_DOWNLOAD: 'true',
    MONGOMS_MD5_CHECK: 'true',
    MONGOMS_SYSTEM_BINARY: '',
    npm_config_strict_ssl: 'true', // Without it the package accepts any certificate.
  };
  const result = await run(process.execPath, ['--import', 'tsx', fetcher], { env, cwd: repository, signal: search.signal, timeoutMs: 600_000 });
  if (result.kind !== 'ok') return none(`the official download does not work: ${result.kind === 'failed' ? result.output : 'node cannot be run'}`);
  const binary = (await readdir(folder)).find((name) => name.startsWith('mongod-') && !name.endsWith('.md5'));
  return binary === undefined ? none('the official download left no mongod') : tryCandidate(join(folder, binary), search);
}
