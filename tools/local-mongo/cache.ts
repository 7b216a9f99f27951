/**
 * Our own folder of mongods, one sub-folder each: mongod-<version>-<source>/mongod.
 * A new one is prepared beside its place and renamed into it, so others see it whole or not at all; when two processes fetch the same build at
 * once, the second finds the place taken and uses it.
 */
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { tryCandidate, type Found, type Search } from './candidate.ts';

const prefix = 'mongod-';

export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'hooktail');
}

/** The newest usable mongod of the cache, or of one source in it. */
export async function findCached(search: Search, source = ''): Promise<Found> {
  const folder = cacheFolder(search.env);
  const entries = (await readdir(folder).catch(() => [])).filter((entry) => entry.startsWith(prefix) && entry.endsWith(source));
  const newestFirst = entries.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  let last: Found = { kind: 'none', why: `no mongod in ${folder}` };
  for (const entry of newestFirst) {
    last = await tryCandidate(join(folder, entry, 'mongod'), search);
    if (last.kind === 'found') return last;
  }
  return last;
}

/** `fetch` leaves a mongod somewhere in the folder it is given; it is checked there, then moved to its place in the cache. */
export async function fetchIntoCache(search: Search, source: string, fetch: (folder: string) => Promise<Found>): Promise<Found> {
  const cache = cacheFolder(search.env);
  await mkdir(cache, { recursive: true });
  const temporary = await mkdtemp(join(cache, 'fetching-'));
  try {
    const fetched = await fetch(temporary);
    return fetched.kind === 'found' ? await adopt(fetched, temporary, join(cache, `${prefix}${fetched.version}-${source}`), search) : fetched;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function adopt(fetched: Found & { kind: 'found' }, temporary: string, place: string, search: Search): Promise<Found> {
  const prepared = join(temporary, 'prepared');
  await mkdir(prepared);
  await rename(fetched.path, join(prepared, 'mongod'));
  await chmod(join(prepared, 'mongod'), 0o755);
  const taken = await moveInto(place, prepared);
  const found = await tryCandidate(join(place, 'mongod'), search);
  if (found.kind === 'found' || !taken) return found;
  // What holds the place does not run, so nobody uses it: ours takes over.
  await rm(place, { recursive: true, force: true });
  await moveInto(place, prepared);
  return tryCandidate(join(place, 'mongod'), search);
}

/** Says whether somebody else holds the place already. */
async function moveInto(place: string, prepared: string): Promise<boolean> {
  try {
    await rename(prepared, place);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return true;
    throw error;
  }
}
