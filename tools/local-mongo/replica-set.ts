/**
 * The replica set formed by our nodes: initiated when the data is new, recognised when it is kept, and told its new addresses when kept data
 * comes back on other ports. Formed means: a writable primary, and every other node a secondary, so that a majority is real.
 */
import { MongoServerError, type Db } from 'mongodb';
import { askNode } from './ask-node.ts';
import { accepts } from './ports.ts';
import { waitUntil } from './wait.ts';

export interface ReplicaSetPlan {
  readonly name: string;
  readonly ports: readonly [number, ...number[]];
  readonly electionTimeoutMs: number;
}

/** What a node says of its own set: none yet, ours, or one whose addresses are out of date. */
type Standing = 'uninitiated' | 'member' | 'moved';

interface Hello {
  readonly setName?: string;
  readonly hosts?: readonly string[];
  readonly isWritablePrimary?: boolean;
  readonly secondary?: boolean;
}

const notYetInitialized = 94;
const alreadyInitialized = 23;
const invalidReplicaSetConfig = 93;

export async function formReplicaSet(plan: ReplicaSetPlan, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  await askNode(plan.ports[0], (admin) => waitUntil(() => join(admin, plan), { what: `replica set ${plan.name} to be initiated`, timeoutMs, signal }));
  await Promise.all([
    waitForPrimary(plan.ports, timeoutMs, signal),
    ...plan.ports.map((port) => waitForMember(port, timeoutMs, signal)),
  ]);
}

/** Resolves once any of the nodes is a writable primary; nodes that are down or silent do not hold it up. */
export async function waitForPrimary(ports: readonly number[], timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  const found = new AbortController();
  const bound = signal === undefined ? found.signal : AbortSignal.any([found.signal, signal]);
  const nodes = ports.map((port) => waitForHello(port, (hello) => hello.isWritablePrimary === true, timeoutMs, bound));
  try {
    await Promise.any(nodes);
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(`No node became a writable primary within ${timeoutMs} ms`, { cause: error });
  } finally {
    found.abort();
    await Promise.allSettled(nodes);
  }
}

async function waitForMember(port: number, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  await waitForHello(port, (hello) => hello.isWritablePrimary === true || hello.secondary === true, timeoutMs, signal);
}

async function waitForHello(port: number, wanted: (hello: Hello) => boolean, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  const wait = { what: `the node on port ${port} to reach its role`, timeoutMs, signal };
  await waitUntil(async () => {
    if (!(await accepts(port))) return undefined;
    try {
      return await askNode(port, (admin) => waitUntil(async () => (wanted(await hello(admin)) ? true : undefined), wait));
    } catch {
      return undefined; // A node that restarts or changes its role cuts its connections: ask again on a new one.
    }
  }, wait);
}

/** One step towards a formed set; undefined while the node is still reading its configuration. */
async function join(admin: Db, plan: ReplicaSetPlan): Promise<true | undefined> {
  switch (await standing(admin, plan)) {
    case 'member': return true;
    case 'uninitiated': return initiate(admin, plan);
    case 'moved':
      await admin.command({ replSetReconfig: configuration(plan), force: true });
      return true;
  }
}

async function standing(admin: Db, plan: ReplicaSetPlan): Promise<Standing> {
  const { setName, hosts } = await hello(admin);
  if (setName !== undefined) return sameHosts(hosts ?? [], addresses(plan)) ? 'member' : 'moved';
  try {
    await admin.command({ replSetGetStatus: 1 });
    return 'member';
  } catch (error) {
    if (hasCode(error, notYetInitialized)) return 'uninitiated';
    if (hasCode(error, invalidReplicaSetConfig)) return 'moved';
    throw error;
  }
}

async function initiate(admin: Db, plan: ReplicaSetPlan): Promise<true | undefined> {
  try {
    await admin.command({ replSetInitiate: configuration(plan) });
    return true;
  } catch (error) {
    if (hasCode(error, alreadyInitialized) || hasCode(error, notYetInitialized)) return undefined;
    throw error;
  }
}

function configuration({ name, ports, electionTimeoutMs }: ReplicaSetPlan): object {
  return {
    _id: name,
    version: 1,
    members: addresses({ ports }).map((host, _id) => ({ _id, host })),
    settings: { electionTimeoutMillis: electionTimeoutMs, heartbeatIntervalMillis: Math.max(100, Math.round(electionTimeoutMs / 4)) },
  };
}

function addresses({ ports }: Pick<ReplicaSetPlan, 'ports'>): string[] {
  return ports.map((port) => `127.0.0.1:${port}`);
}

function sameHosts(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((host) => other.includes(host));
}

async function hello(admin: Db): Promise<Hello> {
  return await admin.command({ hello: 1 });
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof MongoServerError && error.code === code;
}
