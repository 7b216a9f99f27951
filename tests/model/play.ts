/**
 * Plays one script from a clean database, then lets everything die and one healthy processor put it right: it must find all
 * that is owed, by itself, and then everything must have come to its end.
 */
import { LONGEST_OPEN_MS } from '../../src/domain/breaker.ts';
import type { Store } from '../../src/store/store.ts';
import type { TargetBook } from '../../src/store/target-book.ts';
import { MEMBERS, sweepClean } from './ground.ts';
import { checkEnd, LawBroken, lookAt, owedIn } from './laws.ts';
import { perform, settle, tell, type Action } from './script.ts';
import { ModelWorld } from './world.ts';

/** In each, every sleep ends once; the longest way is a rescue, a send, a mark, a repair. */
const ROUNDS = 10;
/** What was put right must stay so: a mark that is still held back could put it wrong. */
const QUIET_ROUNDS = 2;
/** The sweep's pause and its jitter. A healthy server does not use up anybody's patience, which is longer. */
const LONGEST_PAUSE_MS = 6_000;
const TRACE = 60;
/** Alive when a script begins; the first of them has all lanes. */
const FIRST = ['a', 'b'] as const;

export async function play(store: Store, targets: TargetBook, actions: readonly Action[]): Promise<void> {
  await sweepClean(store);
  const world = new ModelWorld(store, targets);
  try {
    for (const member of FIRST) {
      await world.start(member);
      await settle(world, 200);
    }
    for (const action of actions) {
      await perform(world, action);
      world.mustBeSound();
    }
    await heal(world);
  } catch (error) {
    throw error instanceof LawBroken ? new LawBroken(`${error.message}\n  script: ${tell(actions)}\n  steps: ${world.steps.trace.slice(-TRACE).join(', ')}`) : error;
  } finally {
    await endAll(world);
  }
}

async function endAll(world: ModelWorld): Promise<void> {
  for (const member of MEMBERS) await world.crash(member);
  for (const actor of world.actors()) world.crashReplay(actor);
  for (const step of world.steps.waiting()) world.steps.remove(step);
}

async function heal(world: ModelWorld): Promise<void> {
  await endAll(world);
  for (const member of MEMBERS) await world.expire(member);
  world.steps.pass(LONGEST_OPEN_MS); // A breaker that has opened is half-open by now.
  await world.start('a');
  let owed: readonly string[] = [];
  for (let [round, quiet] = [0, 0]; round < ROUNDS && quiet < QUIET_ROUNDS; round += 1) {
    await settle(world, 200);
    for (const step of world.steps.waiting().filter(({ isIdle, sleepMs }) => isIdle() && sleepMs <= LONGEST_PAUSE_MS)) await world.steps.release(step, 200);
    world.mustBeSound();
    owed = owedIn(await lookAt(world.store));
    quiet = owed.length === 0 ? quiet + 1 : 0;
  }
  await settle(world, 200);
  const look = await lookAt(world.store);
  owed = owedIn(look);
  if (owed.length > 0) throw new LawBroken(`after healing: ${owed.join('; ')}`);
  checkEnd(look, world.ledger, world.flipped);
}
