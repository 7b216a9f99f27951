/** What shows that a processor which cannot renew its lease starts nothing more: a receiver slow enough that there is always a next send. */
import assert from 'node:assert/strict';
import { TRUST_MS } from '../../src/domain/lease.ts';
import type { Environment } from '../../src/runtime/config.ts';
import { answer, type Behaviour } from '../../tools/sink/sink.ts';
import { eventually } from './eventually.ts';
import type { WatchedProcessor } from './world.ts';

/** One send at a time, each half a second: sixty events keep a lane busy for half a minute. */
export const ONE_AT_A_TIME: Environment = { TARGET_CONCURRENCY: '1' };
export const BACKLOG = 60;

export function slowUntil(hurry: () => boolean): Behaviour {
  return () => answer(200, { delayMs: hurry() ? 0 : 500 });
}

/** Waits for the moment `forMs` after the database went away, and looks back at what was started since. */
export async function startsNothingUntrusted({ told }: WatchedProcessor, awaySince: number, forMs: number): Promise<void> {
  await eventually(() => assert.ok(performance.now() >= awaySince + forMs, 'still away'), { timeoutMs: forMs + 5_000, everyMs: 100 });
  const startedAt = told.all('attempt.started').map(({ atMs }) => atMs - awaySince);
  assert.ok(startedAt.some((ms) => ms > 0 && ms < TRUST_MS), 'sends went on while the lease was trusted');
  assert.deepEqual(startedAt.filter((ms) => ms > TRUST_MS), [], 'sends started on a lease no longer trusted');
}
