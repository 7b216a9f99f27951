/** A Redis that loses nothing it has acknowledged: its log is flushed to disk before every answer (appendfsync always). */
import { join } from 'node:path';
import { accepts, freePorts } from '../../tools/local-mongo/ports.ts';
import { makeTempDir } from '../../tools/local-mongo/temp-dir.ts';
import type { Endings } from '../lab/endings.ts';
import type { PeerStore } from '../rigs/peer.ts';
import { findProgram } from './find-program.ts';
import { startGuarded } from './guarded.ts';

export const findRedis = (): Promise<string | null> => Promise.resolve(findProgram('redis-server'));

export async function startRedis({ endings, signal }: { readonly endings: Endings; readonly signal: AbortSignal }): Promise<PeerStore> {
  const binary = await findRedis();
  if (binary === null) throw new Error('Expected redis-server, got none');
  const folder = await makeTempDir('hooktail-redis');
  await endings.add(() => folder.remove());
  const [port = 0] = await freePorts(1);
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder.path, '--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction', '--loglevel', 'warning'];
  const pid = await startGuarded({ command: [binary, ...settings], logPath: join(folder.path, 'log'), graceSeconds: 0, isReady: () => accepts(port), endings, signal });
  return { name: 'redis', pid, environment: { REDIS_PORT: String(port) } };
}
