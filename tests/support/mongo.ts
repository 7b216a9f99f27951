/** One real replica set for a whole test file, started before its tests and ended after them. */
import { after, before } from 'node:test';
import { startLocalMongo, type LocalMongo, type LocalMongoOptions } from '../../tools/local-mongo.ts';
import { World, type WorldOptions } from './world.ts';

export interface TestMongo {
  readonly mongo: () => LocalMongo;
  /** Runs a test in a world of its own, and ends that world whatever happens. */
  readonly inWorld: (options: Omit<WorldOptions, 'uri'>, run: (world: World) => Promise<void>) => Promise<void>;
}

export function useMongo(options: LocalMongoOptions = {}): TestMongo {
  let started: LocalMongo | null = null;
  before(async () => {
    started = await startLocalMongo(options);
  });
  after(() => started?.stop());
  const mongo = (): LocalMongo => {
    if (started === null) throw new Error('Expected a replica set before the first test, got none');
    return started;
  };
  return {
    mongo,
    async inWorld(worldOptions, run) {
      const world = await World.create({ uri: mongo().uri, ...worldOptions });
      const fault = await run(world).then(() => null, (error: unknown) => ({ error }));
      // What went wrong in the test is what must be told, even when clearing up after it fails too.
      await world.end().catch((error: unknown) => {
        if (fault === null) throw error;
      });
      if (fault !== null) throw fault.error;
    },
  };
}
