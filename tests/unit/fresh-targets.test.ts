/** How old the targets may be that an event is resolved by: asked for seldom, and never by what was true a second ago. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFreshTargets, type FreshTargets } from '../../src/ingest/fresh-targets.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

interface World {
  readonly clock: FakeClock;
  readonly fresh: FreshTargets;
  /** Ends the oldest question that is open. */
  readonly answer: (error?: Error) => Promise<void>;
  readonly asked: () => number;
}

function world(): World {
  const clock = new FakeClock();
  const open: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  let asked = 0;
  const refreshIfChanged = (): Promise<void> => new Promise((resolve, reject) => {
    asked += 1;
    open.push({ resolve, reject });
  });
  return {
    clock, asked: () => asked, fresh: createFreshTargets(clock, { refreshIfChanged }),
    async answer(error) {
      const question = open.shift();
      if (error === undefined) question?.resolve();
      else question?.reject(error);
      await settled();
    },
  };
}

/** Asked and answered once. */
async function freshWorld(): Promise<World> {
  const made = world();
  const first = made.fresh.refreshing();
  await made.answer();
  await first;
  return made;
}

test('the first event waits for the targets, and so do those that come meanwhile, by one question', async () => {
  const { fresh, answer, asked } = world();
  const waiting = [fresh.refreshing(), fresh.refreshing()];
  assert.ok(waiting.every((wait) => wait !== null));
  await answer();
  await Promise.all(waiting);
  assert.equal(asked(), 1);
});

test('for half a second nobody asks, and then somebody does while nobody waits', async () => {
  const { clock, fresh, answer, asked } = await freshWorld();
  await clock.advance(499);
  assert.deepEqual([fresh.refreshing(), asked()], [null, 1]);
  await clock.advance(1);
  assert.deepEqual([fresh.refreshing(), fresh.refreshing(), asked()], [null, null, 2]);
  await answer();
  await clock.advance(499);
  assert.deepEqual([fresh.refreshing(), asked()], [null, 2], 'what was answered counts from when it was asked');
});

test('what is a second old is used by nobody, whether it was asked for or not', async () => {
  const { clock, fresh, answer } = await freshWorld();
  await clock.advance(1_000);
  const wait = fresh.refreshing();
  assert.notEqual(wait, null);
  await answer();
  await wait;
  assert.equal(fresh.refreshing(), null);
});

for (const [what, end] of [['refuses', ({ answer }: World) => answer(new Error('No primary'))], ['does not answer', ({ clock }: World) => clock.advance(1_000)]] as const) {
  test(`an event is refused while the database ${what}, and taken once it answers again`, async () => {
    const made = await freshWorld();
    await made.clock.advance(1_000);
    const refused = assert.rejects(made.fresh.refreshing() ?? Promise.resolve(), { code: 'unavailable', status: 503 });
    await end(made);
    await refused;
    const wait = made.fresh.refreshing();
    await made.answer();
    await made.answer();
    await wait;
    assert.equal(made.fresh.refreshing(), null);
  });
}
