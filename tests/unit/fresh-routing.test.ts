/** How old the targets may be that an event is resolved by: asked for seldom, and never by what was true a second ago. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Routing } from '../../src/domain/routing.ts';
import { createFreshRouting } from '../../src/ingest/fresh-routing.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { TARGET_ID } from './delivery-parts.ts';

const EVENT = { type: 'order.created', body: new Uint8Array() };

interface World {
  readonly clock: FakeClock;
  /** Asks; answers whether that was told at once, and by which routing in the end. */
  readonly ask: () => { readonly atOnce: boolean; readonly told: Promise<Routing> };
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
  const fresh = createFreshRouting(clock, { refreshIfChanged, routesOf: () => [TARGET_ID] });
  return {
    clock, asked: () => asked,
    ask() {
      const routing = fresh.routing();
      return { atOnce: !(routing instanceof Promise), told: Promise.resolve(routing) };
    },
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
  const { told } = made.ask();
  await made.answer();
  await told;
  return made;
}

test('the first event waits for the targets, and so do those that come meanwhile, by one question', async () => {
  const { ask, answer, asked } = world();
  const waiting = [ask(), ask()];
  assert.deepEqual(waiting.map(({ atOnce }) => atOnce), [false, false]);
  await answer();
  for (const { told } of waiting) assert.deepEqual((await told)(EVENT), [TARGET_ID]);
  assert.equal(asked(), 1);
});

test('for half a second nobody asks, and then somebody does while nobody waits', async () => {
  const { clock, ask, answer, asked } = await freshWorld();
  await clock.advance(499);
  assert.deepEqual([ask().atOnce, asked()], [true, 1]);
  await clock.advance(1);
  assert.deepEqual([ask().atOnce, ask().atOnce, asked()], [true, true, 2]);
  await answer();
  await clock.advance(499);
  assert.deepEqual([ask().atOnce, asked()], [true, 2], 'what was answered counts from when it was asked');
});

test('what is a second old is used by nobody, whether it was asked for or not', async () => {
  const { clock, ask, answer } = await freshWorld();
  await clock.advance(1_000);
  const { atOnce, told } = ask();
  assert.equal(atOnce, false);
  await answer();
  await told;
  assert.equal(ask().atOnce, true);
});

test('a database that takes long to tell is waited for: what it tells is as fresh as the question', async () => {
  const { clock, ask, answer } = await freshWorld();
  await clock.advance(1_000);
  const { told } = ask();
  await clock.advance(2_000);
  await answer();
  assert.deepEqual((await told)(EVENT), [TARGET_ID]);
});

test('what was asked for long before an event came is not told to it: it is asked for again', async () => {
  const { clock, ask, answer, asked } = await freshWorld();
  await clock.advance(500);
  assert.equal(ask().atOnce, true);
  await clock.advance(1_200);
  const { told } = ask();
  assert.equal(asked(), 2);
  await answer();
  assert.equal(asked(), 3);
  await answer();
  assert.deepEqual((await told)(EVENT), [TARGET_ID]);
});

for (const [what, end] of [['refuses', ({ answer }: World) => answer(new Error('No primary'))], ['does not answer', ({ clock }: World) => clock.advance(3_000)]] as const) {
  test(`nothing is told while the database ${what}, and all is once it answers again`, async () => {
    const made = await freshWorld();
    await made.clock.advance(1_000);
    const refused = assert.rejects(made.ask().told, /did not tell which targets/);
    await end(made);
    await end(made);
    await refused;
    const { told } = made.ask();
    for (let questions = 0; questions < 3; questions += 1) await made.answer();
    await told;
    assert.equal(made.ask().atOnce, true);
  });
}
