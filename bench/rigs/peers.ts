/** The peers: which stores they need, and why they cannot run here when they cannot. */
import { findPostgres, startPostgres } from '../services/postgres.ts';
import { findRedis, startRedis } from '../services/redis.ts';
import { buildPeer } from './peer.ts';
import type { RigBuilder } from './rig.ts';

export interface Peer {
  readonly name: string;
  readonly build: RigBuilder;
  /** Null when it can run here; else what is missing, with its fix. */
  readonly missing: () => Promise<string | null>;
}

const onPostgres = (name: string): Peer => ({
  name,
  build: async (options) => buildPeer(name, await startPostgres(options), options),
  missing: async () => ((await findPostgres()) === null ? 'no Postgres found; install it with: apt-get install postgresql' : null),
});

export const PEERS: readonly Peer[] = [
  {
    name: 'bullmq',
    build: async (options) => buildPeer('bullmq', await startRedis(options), options),
    missing: async () => ((await findRedis()) === null ? 'no redis-server found; install it with: apt-get install redis-server' : null),
  },
  onPostgres('graphile-worker'),
  onPostgres('pg-boss'),
];
