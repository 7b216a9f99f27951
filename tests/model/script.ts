/** What may happen, in any order; every action fits any moment, or does nothing, so that a script can be cut down anywhere. */
import fc from 'fast-check';
import { assertNever } from '../../src/domain/assert-never.ts';
import { HASTY, MEMBERS, PATIENT, type Member } from './ground.ts';
import type { Answer, Step } from './steps.ts';
import type { ModelWorld } from './world.ts';

export type Action =
  | { readonly do: 'ingest'; readonly to: 'patient' | 'hasty' | 'both' }
  /** One step of whoever waits, but for sleeps. */
  | { readonly do: 'step'; readonly pick: number; readonly answer: Answer }
  /** Some steps of one actor, in their order, while all others and the receiver stand still. */
  | { readonly do: 'run'; readonly pick: number; readonly steps: number }
  /** One request is answered. */
  | { readonly do: 'answer'; readonly pick: number; readonly answer: Answer }
  /** Everything there is to do but to answer requests, until time must pass. */
  | { readonly do: 'hurry' }
  /** The same, and the receiver answers at once. */
  | { readonly do: 'settle'; readonly answer: Answer }
  /** All that is held back for a moment is done, and then a long time goes by. */
  | { readonly do: 'muchLater' }
  /** What is held back for a moment goes on its way. */
  | { readonly do: 'mark' }
  /** A sleep ends, or a look at the stream that finds nothing. */
  | { readonly do: 'wake'; readonly pick: number }
  | { readonly do: 'start' | 'crash' | 'expire' | 'renew' | 'cutStream'; readonly who: Member }
  | { readonly do: 'handOver'; readonly who: Member; readonly of: 'patient' | 'hasty' }
  | { readonly do: 'replay'; readonly pick: number; readonly forced: boolean }
  | { readonly do: 'crashReplay'; readonly pick: number }
  | { readonly do: 'rewind'; readonly who: Member; readonly by: number }
  | { readonly do: 'loseToken'; readonly who: Member }
  | { readonly do: 'loseHistory' }
  /** A breaker was open when its owner last wrote it down, and its time is over: whoever takes the lane next sends a probe. */
  | { readonly do: 'trip'; readonly of: 'patient' | 'hasty' }
  | { readonly do: 'prune' | 'remove'; readonly pick: number };

const MOST_ACTIONS = 20;
const MOST_STEPS = 30;
/** More steps than any burst of work takes: a settling that goes on for longer never comes to rest. */
const RESTLESS = 600;

const pick = fc.nat({ max: 11 });
const answer = fc.constantFrom<Answer>(200, 500);
const who = fc.constantFrom(...MEMBERS);
const of = fc.constantFrom('patient' as const, 'hasty' as const);
const named = <Name extends string>(name: Name): fc.Arbitrary<Name> => fc.constant(name);

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: named('ingest'), to: fc.constantFrom('patient' as const, 'patient' as const, 'hasty' as const, 'both' as const) }) },
  { weight: 8, arbitrary: fc.record({ do: named('step'), pick, answer }) },
  { weight: 8, arbitrary: fc.record({ do: named('run'), pick, steps: fc.integer({ min: 1, max: MOST_STEPS }) }) },
  { weight: 12, arbitrary: fc.record({ do: named('answer'), pick, answer }) },
  { weight: 10, arbitrary: fc.record({ do: named('hurry') }) },
  { weight: 3, arbitrary: fc.record({ do: named('settle'), answer }) },
  { weight: 2, arbitrary: fc.record({ do: named('muchLater') }) },
  { weight: 3, arbitrary: fc.record({ do: named('mark') }) },
  { weight: 6, arbitrary: fc.record({ do: named('wake'), pick }) },
  { weight: 4, arbitrary: fc.record({ do: named('start'), who }) },
  { weight: 4, arbitrary: fc.record({ do: named('crash'), who }) },
  { weight: 5, arbitrary: fc.record({ do: named('expire'), who }) },
  { weight: 2, arbitrary: fc.record({ do: named('renew'), who }) },
  { weight: 1, arbitrary: fc.record({ do: named('cutStream'), who }) },
  { weight: 2, arbitrary: fc.record({ do: named('handOver'), who, of }) },
  { weight: 5, arbitrary: fc.record({ do: named('replay'), pick, forced: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: named('crashReplay'), pick }) },
  { weight: 1, arbitrary: fc.record({ do: named('rewind'), who, by: fc.nat({ max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: named('loseToken'), who }) },
  { weight: 1, arbitrary: fc.record({ do: named('loseHistory') }) },
  { weight: 3, arbitrary: fc.record({ do: named('trip'), of }) },
  { weight: 1, arbitrary: fc.record({ do: named('prune'), pick }) },
  { weight: 1, arbitrary: fc.record({ do: named('remove'), pick }) },
);

/** Each part may be missing, so that a phrase can be cut down like a script. */
const phrase = (...parts: readonly fc.Arbitrary<Action>[]): fc.Arbitrary<readonly Action[]> =>
  fc.tuple(...parts.map((part) => fc.option(part, { freq: 12 }))).map((said) => said.flatMap((one) => one ?? []));

const hurry = fc.record({ do: named('hurry') });
const settled = fc.record({ do: named('settle'), answer });
const answered = fc.record({ do: named('answer'), pick, answer });
const ingested = fc.record({ do: named('ingest'), to: fc.constantFrom('patient' as const, 'both' as const, 'hasty' as const) });
const marked = fc.record({ do: named('mark') });
const replayed = fc.record({ do: named('replay'), pick: fc.nat({ max: 2 }), forced: fc.constantFrom(true, true, false) });
const ranFor = (actor: number, min: number, max: number): fc.Arbitrary<Action> => fc.record({ do: named('run'), pick: fc.constant(actor), steps: fc.integer({ min, max }) });
const ran = fc.record({ do: named('run'), pick, steps: fc.integer({ min: 1, max: MOST_STEPS }) });
const expired = fc.record({ do: named('expire'), who });

/** Orders that chance alone seldom comes upon: results that come late, replays that overtake each other, marks that are lost. */
const phrases = fc.oneof(
  phrase(ingested, hurry, expired, hurry, answered, hurry, answered, hurry),
  phrase(ingested, hurry, fc.record({ do: named('expire'), who: fc.constant('a' as const) }), ranFor(1, 5, 20), answered, ranFor(0, 1, 6), hurry),
  // With two processors alive, the replays are the third and the fourth actor.
  phrase(ingested, settled, marked, hurry, replayed, replayed, ranFor(3, 1, 4), ranFor(2, 8, 14), ranFor(0, 10, 30), answered, ranFor(0, 10, 30), hurry),
  phrase(replayed, replayed, ran, settled, ran, ran, hurry),
  // A lane that changes hands half-open: parked work behind one probe, which works or does not.
  phrase(ingested, fc.record({ do: named('trip'), of }), expired, hurry, ingested, ingested, answered, hurry, expired, hurry, answered, hurry),
  phrase(ingested, settled, replayed, ran, marked, settled, fc.record({ do: named('crash'), who }), fc.record({ do: named('start'), who })),
);

export const script: fc.Arbitrary<readonly Action[]> = fc
  .array(fc.oneof({ weight: 6, arbitrary: action.map((one) => [one]) }, { weight: 1, arbitrary: phrases }), { minLength: 1, maxLength: MOST_ACTIONS, size: 'max' })
  .map((said) => said.flat());

/** On one line: `ingest to=both · crash who=a`. */
export const tell = (actions: readonly Action[]): string =>
  actions.map((one) => Object.entries(one).map(([name, value]) => (name === 'do' ? String(value) : `${name}=${value}`)).join(' ')).join(' · ');

const targetsOf = { patient: [PATIENT], hasty: [HASTY], both: [PATIENT, HASTY] } as const;

const at = <Item>(list: readonly Item[], index: number): Item | undefined => list[index % Math.max(1, list.length)];

export function perform(world: ModelWorld, one: Action): Promise<void> {
  return 'who' in one ? toMember(world, one) : toAll(world, one);
}

async function toAll(world: ModelWorld, one: Exclude<Action, { readonly who: Member }>): Promise<void> {
  const { steps } = world;
  switch (one.do) {
    case 'ingest':
      return world.ingest(targetsOf[one.to]);
    case 'step':
      return release(world, at(steps.waiting().filter((step) => !step.isIdle()), one.pick), one.answer);
    case 'run':
      return run(world, at(world.actors(), one.pick), one.steps);
    case 'answer':
      return release(world, at(steps.waiting().filter(isRequest), one.pick), one.answer);
    case 'hurry':
      return settle(world, null);
    case 'settle':
      return settle(world, one.answer);
    case 'muchLater':
      return muchLater(world);
    case 'mark':
      return release(world, heldBack(world)[0], 200);
    case 'wake':
      return release(world, at(steps.waiting().filter((step) => step.isIdle()), one.pick), 200);
    case 'replay':
    case 'prune':
    case 'remove':
      return toEvent(world, one);
    case 'crashReplay':
      return crashReplay(world, one.pick);
    case 'loseHistory':
      return world.log.loseHistory();
    case 'trip':
      return world.trip(targetsOf[one.of][0]);
    default:
      return assertNever(one);
  }
}

async function release(world: ModelWorld, step: Step | undefined, said: Answer): Promise<void> {
  if (step !== undefined) await world.steps.release(step, said);
  world.mustBeSound();
}

const isRequest = ({ outlivesActor }: Step): boolean => outlivesActor;

async function run(world: ModelWorld, actor: string | undefined, steps: number): Promise<void> {
  for (let left = steps; actor !== undefined && left > 0; left -= 1) await release(world, world.steps.waiting(actor).find((step) => !step.isIdle() && !isRequest(step)), 200);
}

/** @param said to every request; null leaves them unanswered */
export async function settle(world: ModelWorld, said: Answer | null): Promise<void> {
  for (let count = 0; count < RESTLESS; count += 1) {
    const next = world.steps.waiting().find((step) => !step.isIdle() && (said !== null || !isRequest(step)));
    if (next === undefined) return;
    await release(world, next, said ?? 200);
  }
  world.fail('the processors never come to rest');
  world.mustBeSound();
}

/** Marks are held back for 100 ms, and nobody looks for those of long ago. */
const HELD_BACK_MS = 100;

const heldBack = ({ steps }: ModelWorld): readonly Step[] => steps.waiting().filter(({ sleepMs }) => sleepMs === HELD_BACK_MS);

async function muchLater(world: ModelWorld): Promise<void> {
  for (await settle(world, 200); heldBack(world).length > 0; await settle(world, 200)) for (const step of heldBack(world)) await release(world, step, 200);
  world.steps.pass(60_000);
}

function crashReplay(world: ModelWorld, index: number): void {
  const actor = at(world.actors().filter((name) => name.startsWith('replay')), index);
  if (actor !== undefined) world.crashReplay(actor);
}

async function toEvent(world: ModelWorld, one: Extract<Action, { readonly do: 'replay' | 'prune' | 'remove' }>): Promise<void> {
  const eventId = world.eventAt(one.pick);
  if (eventId === undefined) return;
  if (one.do === 'replay') await world.replay(eventId, one.forced);
  else await world[one.do](eventId);
}

async function toMember(world: ModelWorld, one: Extract<Action, { readonly who: Member }>): Promise<void> {
  const processor = world.alive.get(one.who);
  switch (one.do) {
    case 'start':
    case 'expire':
      return world[one.do](one.who);
    case 'crash':
      return world.crash(one.who);
    case 'rewind':
      return world.rewind(one.who, one.by);
    case 'loseToken':
      return world.rewind(one.who, null);
    case 'cutStream':
      return processor === undefined ? undefined : world.log.cut(processor.actor);
    case 'renew':
      return processor?.renew();
    case 'handOver':
      return processor?.handOver(targetsOf[one.of][0]);
    default:
      return assertNever(one);
  }
}
