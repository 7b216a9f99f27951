/** What the tests of the breaker share: a target that fails until its breaker opens, and the lane document as it stands. */
import assert from 'node:assert/strict';
import type { TargetId } from '../../src/domain/ids.ts';
import { newSecret } from '../../src/domain/signing.ts';
import { LEAST_RESULTS } from '../../src/domain/result-window.ts';
import type { Target } from '../../src/domain/target.ts';
import type { BreakerDocument } from '../../src/store/store.ts';
import { registerTarget } from '../../src/store/targets.ts';
import { eventually } from './eventually.ts';
import { post } from './post.ts';
import type { WatchedProcessor, World } from './world.ts';

/** Retries far away, so that what is sent is what the test sends. */
export const FAR: Target['retry'] = { scheduleMs: [3_600_000], maxAttempts: 10 };

export async function registerAt(world: World, id: TargetId, over: Partial<Pick<Target, 'url' | 'eventTypes' | 'limits' | 'retry' | 'timeoutMs'>> = {}): Promise<void> {
  await registerTarget(world.store, { id, url: world.sinkUrl, eventTypes: ['*'], secrets: null, freshSecret: newSecret(), limits: { ratePerSecond: 0, concurrency: 0 }, timeoutMs: 5_000, retry: FAR, ...over });
}

export async function breakerOf(world: World, id: TargetId): Promise<BreakerDocument | undefined> {
  return (await world.store.lanes.findOne({ _id: id }))?.breaker;
}

/** Posts as many events as it takes, to a receiver that fails; resolves once the breaker is open in the database too. */
export async function openBreaker(world: World, url: string, id: TargetId, processor?: WatchedProcessor, body?: string): Promise<void> {
  await Promise.all(Array.from({ length: LEAST_RESULTS }, () => post(url, body === undefined ? {} : { body })));
  await eventually(async () => assert.equal((await breakerOf(world, id))?.state, 'open'), { timeoutMs: 20_000 });
  if (processor !== undefined) await processor.told.until('breaker.opened');
}

/** The time of an open breaker is over: written down while nobody owns the lane, so that no test waits for it. */
export async function endOpening(world: World, id: TargetId): Promise<void> {
  await world.store.lanes.updateOne({ _id: id, 'breaker.state': 'open' }, { $set: { 'breaker.until': new Date(0) } });
}
