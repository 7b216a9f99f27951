/**
 * libfaketime: a library that moves the wall clock of a running process, by a file that says how far. Taken where Debian puts
 * it, else fetched as Debian's package (47 kB) into Hooktail's cache folder and unpacked there, for which no rights are needed.
 * The monotonic clock is left alone: leases and timers hang on it, and no real machine moves it.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../tools/local-mongo/cache.ts';
import { run } from '../tools/local-mongo/run.ts';

const NAME = 'libfaketimeMT.so.1';
const TIMEOUT_MS = 60_000;

export type Faketime = { readonly kind: 'found'; readonly path: string } | { readonly kind: 'none'; readonly why: string };

export async function findFaketime(signal: AbortSignal): Promise<Faketime> {
  if (process.platform !== 'linux') return { kind: 'none', why: `libfaketime is looked for on Linux only; this is ${process.platform}` };
  const cached = join(cacheFolder(process.env), 'libfaketime', NAME);
  const found = [...(await systemPlaces()), cached].find((path) => existsSync(path));
  return found === undefined ? fetchFaketime(cached, signal) : { kind: 'found', path: found };
}

async function systemPlaces(): Promise<readonly string[]> {
  const folders = (await readdir('/usr/lib').catch(() => [])).filter((name) => name.includes('linux')).map((name) => join('/usr/lib', name, 'faketime', NAME));
  return [...folders, join('/usr/lib/faketime', NAME), join('/usr/local/lib/faketime', NAME)];
}

async function fetchFaketime(place: string, signal: AbortSignal): Promise<Faketime> {
  const cache = cacheFolder(process.env);
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'fetching-'));
  try {
    const options = { env: process.env, timeoutMs: TIMEOUT_MS, signal, cwd: folder };
    const downloaded = await run('apt-get', ['download', 'libfaketime'], options);
    const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) return none(downloaded.kind === 'failed' ? downloaded.output : 'apt-get is not there');
    const unpacked = await run('dpkg', ['-x', archive, 'unpacked'], options);
    const library = (await readdir(folder, { recursive: true })).find((name) => name.endsWith(NAME));
    if (library === undefined) return none(unpacked.kind === 'failed' ? unpacked.output : `${archive} holds no ${NAME}`);
    await rename(join(folder, library, '..'), join(place, '..')).catch(() => undefined); // Somebody else was faster.
    return existsSync(place) ? { kind: 'found', path: place } : none(`it cannot be put into ${cache}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const none = (why: string): Faketime => ({ kind: 'none', why: `libfaketime cannot be had (${why.split('\n')[0] ?? why}); install it with: apt-get install libfaketime` });

/** What a program's environment needs for its clock to follow the file; the file is looked at once a second. */
export const faketimeEnvironment = (library: string, clockPath: string): Readonly<Record<string, string>> => ({
  LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: clockPath, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1',
});
