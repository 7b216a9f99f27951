/**
 * A Postgres that loses nothing it has acknowledged (synchronous_commit and fsync on, as they are by default), with memory and a
 * log that suit a queue. It refuses to run as root, and then runs as the user that Debian's package makes for it.
 */
import { execFile } from 'node:child_process';
import { chown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { accepts, freePorts } from '../../tools/local-mongo/ports.ts';
import { makeTempDir } from '../../tools/local-mongo/temp-dir.ts';
import type { Endings } from '../lab/endings.ts';
import type { PeerStore } from '../rigs/peer.ts';
import { findProgram } from './find-program.ts';
import { startGuarded } from './guarded.ts';

const PACKAGES = '/usr/lib/postgresql';
const SETTINGS = { shared_buffers: '512MB', max_wal_size: '4GB', wal_buffers: '16MB', max_connections: '100', checkpoint_timeout: '15min', synchronous_commit: 'on', fsync: 'on', unix_socket_directories: '' };

/** It ends processes of its own, which would be left unreaped when it is cut off. */
const GRACE_S = 10;

const run = promisify(execFile);

/** Of the newest version there is. */
export async function findPostgres(): Promise<string | null> {
  const versions = (await readdir(PACKAGES).catch(() => [])).toSorted((a, b) => Number(b) - Number(a));
  return findProgram('postgres', versions.map((version) => join(PACKAGES, version, 'bin')));
}

export async function startPostgres({ endings, signal }: { readonly endings: Endings; readonly signal: AbortSignal }): Promise<PeerStore> {
  const binary = await findPostgres();
  if (binary === null) throw new Error('Expected Postgres, got none');
  const folder = await makeTempDir('hooktail-postgres');
  await endings.add(() => folder.remove());
  const data = join(folder.path, 'data');
  await mkdir(data);
  const asUser = await ownUser([folder.path, data]);
  await runAs(asUser, [join(binary, '..', 'initdb'), '-D', data, '-U', 'bench', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C']);
  const [port = 0] = await freePorts(1);
  const settings = Object.entries({ ...SETTINGS, port: String(port), listen_addresses: '127.0.0.1' }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const pid = await startGuarded({ command: [...asUser, binary, '-D', data, ...settings], logPath: join(folder.path, 'log'), graceSeconds: GRACE_S, isReady: () => accepts(port), endings, signal });
  return { name: 'postgres', pid, environment: { POSTGRES_URL: `postgres://bench@127.0.0.1:${port}/postgres` } };
}

async function runAs(asUser: readonly string[], command: readonly string[]): Promise<void> {
  const [program, ...args] = [...asUser, ...command];
  if (program !== undefined) await run(program, args);
}

/** Gives these folders to the user it runs as; answers what to put before its commands. */
async function ownUser(folders: readonly string[]): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return [];
  const [uid, gid] = (await Promise.all(['-u', '-g'].map(async (flag) => (await run('id', [flag, 'postgres'])).stdout))).map(Number);
  for (const folder of folders) await chown(folder, uid ?? 0, gid ?? 0);
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'];
}
