/** Sources as a server knows them: found while they are fresh, made ready once, and not waited for for ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Source } from '../../src/domain/source.ts';
import { Problem } from '../../src/http/problem.ts';
import { createSourceDesk, type SourceDesk } from '../../src/ingest/source-desk.ts';
import { FakeClock } from '../support/fake-clock.ts';

const SHOP: Source = {
  name: 'shop', secrets: ['a secret'], scheme: { kind: 'hooktail' }, idempotency: null, eventType: null, schema: null, limits: { ratePerSecond: 2.5, burst: 0 },
  maxBodyBytes: null, description: '', version: 1, createdAt: new Date(0),
};

interface World {
  readonly clock: FakeClock;
  readonly desk: SourceDesk;
  /** What the database says from now on. */
  readonly say: (source: Source | null) => void;
  /** The database does not answer from now on. */
  readonly hang: () => void;
}

function world(): World {
  const clock = new FakeClock();
  let [stored, known]: [Source | null, Source | null] = [SHOP, null];
  let hangs = false;
  const book = {
    get: (name: string) => (name === 'shop' ? known : null),
    refreshIfChanged: () => (hangs ? new Promise<never>(() => undefined) : Promise.resolve(void (known = stored))),
  };
  return { clock, desk: createSourceDesk(clock, book), say: (source) => void (stored = source), hang: () => void (hangs = true) };
}

test('one that has not changed is made ready once, and one that has anew', async () => {
  const { clock, desk, say } = world();
  const first = await desk.find('shop');
  assert.deepEqual([first?.name, first?.rate, first?.takesBatches], ['shop', { perSecond: 2.5, burst: 2.5 }, true]);
  assert.equal(await desk.find('shop'), first);
  say({ ...SHOP, secrets: ['another'], version: 2 });
  await clock.advance(1_000);
  assert.notEqual(await desk.find('shop'), first);
  say(null);
  await clock.advance(1_000);
  assert.equal(await desk.find('shop'), null);
});

test('a database that does not answer is waited for a second, and then the sender is to come again', async () => {
  const { clock, desk, hang } = world();
  await desk.find('shop');
  hang();
  await clock.advance(999);
  assert.equal((await desk.find('shop'))?.name, 'shop', 'fresh enough');
  await clock.advance(1);
  const refused = assert.rejects(desk.find('shop'), (error) => error instanceof Problem && error.code === 'unavailable' && error.options.retryAfterS === 5);
  await clock.advance(1_000);
  await refused;
});

test('there is none by a name that objects inherit', async () => assert.equal(await world().desk.find('__proto__'), null));
