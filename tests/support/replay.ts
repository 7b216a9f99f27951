/** What the replay tests share: the tool run in this process, and rows as they stand long after the fact. */
import { randomUUID } from 'node:crypto';
import { deliveryIdOf, type EventId, type TargetId } from '../../src/domain/ids.ts';
import { newSecret } from '../../src/domain/signing.ts';
import { insertFirstResults } from '../../src/store/deliveries.ts';
import { insertEvents, markEvents } from '../../src/store/events.ts';
import { registerTarget } from '../../src/store/targets.ts';
import { replayCommand } from '../../tools/replay/command.ts';
import { idBoundAt } from '../../tools/replay/id-time.ts';
import { runToolWith, type ToolRun } from './tool.ts';
import type { World } from './world.ts';

export const ONE = 'tgt_one' as TargetId;
export const TWO = 'tgt_two' as TargetId;
const HOUR_MS = 3_600_000;

/** Runs the tool in this process, on the world's database. */
export const replay = (world: World, argv: readonly string[]): Promise<ToolRun> => runToolWith(replayCommand, world.env, argv);

export async function register(world: World, id: TargetId, { eventTypes = ['*'] }: { readonly eventTypes?: readonly string[] } = {}): Promise<void> {
  const limits = { ratePerSecond: 0, concurrency: 0 };
  await registerTarget(world.store, { id, url: world.sinkUrl, eventTypes, secrets: null, freshSecret: newSecret(), limits, timeoutMs: 5_000, retry: { scheduleMs: [50], maxAttempts: 1 } });
}

export interface Seed {
  readonly type?: string | null;
  readonly ageMs?: number;
  /** State by target. */
  readonly states?: Readonly<Record<string, 'dead' | 'delivered'>>;
}

/** An event with its deliveries as they would stand that long after they were settled, without waiting for it. */
export async function seed(world: World, { type = 'order.created', ageMs = HOUR_MS, states = { [ONE]: 'dead' } }: Seed = {}): Promise<EventId> {
  const at = new Date(Date.now() - ageMs);
  const id = `${idBoundAt(at.getTime())}${randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()}` as EventId;
  const targetIds = Object.keys(states) as TargetId[];
  await insertEvents(world.store, [{ id, source: 'test', idempotencyKey: id, fingerprint: id, type, targetIds, body: Buffer.from('{}'), contentType: 'application/json', receivedAt: at }]);
  const attempt = { number: 1, quickRetry: 0, at, durationMs: 5, outcome: 'answered' as const, status: 500, error: null, responseExcerpt: null };
  await insertFirstResults(world.store, targetIds.map((targetId) => ({
    claim: { id: deliveryIdOf(id, targetId), eventId: id, targetId, stored: false, generation: 0, attemptCount: 0 },
    attempts: [attempt],
    to: states[targetId] === 'dead' ? { state: 'dead' as const, at, reason: 'exhausted: status 500, 1 attempts' } : { state: 'delivered' as const, at },
  })));
  await markEvents(world.store, Object.values(states).includes('dead') ? 'FAILED_PERMANENTLY' : 'DELIVERED', [id]);
  return id;
}
