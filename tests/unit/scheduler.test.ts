/** How fast the scheduler fires what is due. The collection here answers from memory; what counts is when it is asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerClock } from '../../src/runtime/server-clock.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { createScheduler } from '../../src/scheduler/scheduler.ts';
import type { Store } from '../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** As many timers as anybody asks for are due, always. */
function endlessStore(onFired: (count: number) => void): Store {
  const find = (_filter: unknown, { limit }: { readonly limit: number }): object => ({ toArray: () => Promise.resolve(Array.from({ length: limit }, (_, index) => ({ _id: `t${index}` }))) });
  const updateMany = ({ _id }: { readonly _id: { readonly $in: readonly string[] } }): Promise<object> => {
    onFired(_id.$in.length);
    return Promise.resolve({ modifiedCount: _id.$in.length });
  };
  return { schedule: { find, findOne: () => Promise.resolve({ dueAt: new Date(0) }), updateMany } } as unknown as Store;
}

test('a storm of due timers is fired at 4,000 a second, however many new ones are announced meanwhile', async () => {
  const clock = new FakeClock();
  let fired = 0;
  const scheduler = createScheduler({ store: endlessStore((count) => (fired += count)), clock, serverClock: new ServerClock(clock), telemetry: createTelemetry() });
  await scheduler.start();
  for (let announced = 0; announced < 100; announced += 1) {
    scheduler.expect(new Date(clock.now() + 50 - announced));
    await clock.advance(20);
  }
  await scheduler.stop();
  assert.equal(fired, 8_000 + 1_000, 'for two seconds, and the first at once');
});
