/** The ceiling as a rig: one process, nothing stored. */
import { Child } from '../lab/child.ts';
import { commonEnvironment, type Rig, type RigOptions } from './rig.ts';

export async function buildCeiling(options: RigOptions): Promise<Rig> {
  const child = new Child({ script: 'bench/peers/ceiling.ts', environment: commonEnvironment(options), profileDir: options.profileDir });
  await options.endings.add(() => child.end());
  const url = await child.ask('listen', { downstreamUrl: `${options.downstreamUrl}/0` });
  return {
    url,
    pids: { ceiling: child.pid },
    settle: () => Promise.resolve(),
    startCounts: () => Promise.resolve(),
    stopCounts: () => Promise.resolve(null),
    proveStored: () => Promise.resolve(),
  };
}
