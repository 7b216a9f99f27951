/**
 * A peer as a rig: its store, a server that takes the same signed requests over the same HTTP side and puts each into the queue
 * before it answers, and a worker that sends with the same sender. Two processes, as ours.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../lab/child.ts';
import { deadline } from '../lab/deadline.ts';
import { commonEnvironment, type Rig, type RigOptions } from './rig.ts';

export interface PeerStore {
  /** What its programs need to find it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly pid: number;
  readonly name: string;
}

const SETTLE_TIMEOUT_MS = 60_000;
const LOOK_EVERY_MS = 50;

/** `program` is in bench/peers, and is both: what it is asked decides. */
export async function buildPeer(program: string, store: PeerStore, options: RigOptions): Promise<Rig> {
  const { endings, profileDir, downstreamUrl, signal } = options;
  const environment = { ...commonEnvironment(options), ...store.environment };
  const script = `bench/peers/${program}.ts`;
  const worker = new Child({ script, environment, profileDir });
  await endings.add(() => worker.end());
  const server = new Child({ script, environment, profileDir });
  await endings.add(() => server.end());
  await worker.ask('work', { downstreamUrl: `${downstreamUrl}/0` });
  const url = await server.ask('listen', { downstreamUrl: `${downstreamUrl}/0` });
  const isLeft = async (): Promise<boolean> => (await server.ask('left', null)) > 0;
  const untilEmpty = async (): Promise<void> => {
    while (await isLeft()) await sleep(LOOK_EVERY_MS, undefined, { signal });
  };
  return {
    url,
    pids: { server: server.pid, worker: worker.pid, [store.name]: store.pid },
    settle: () => deadline(untilEmpty(), { what: `${program} to have nothing left to do`, ms: SETTLE_TIMEOUT_MS }),
    startCounts: () => Promise.resolve(),
    stopCounts: () => Promise.resolve(null),
    async proveStored() {
      const left = await server.ask('left', null);
      if (left > 0) throw new Error(`Expected ${program} to have nothing left to do, got ${left} jobs`);
    },
  };
}
