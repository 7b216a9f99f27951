/**
 * What a fault is: one kind of harm, done and put right again. Faults with a lock in common never overlap; all others may. What a
 * fault may make a receiver get twice stands with it in words; the numbers come from the processors it interrupts
 * (torture/program.ts), so a fault that interrupts none allows none.
 */
import type { Random } from '../src/runtime/random.ts';
import type { Program } from './program.ts';
import { pick } from './random.ts';
import type { Stage } from './scenario.ts';

export type Lock = 'database' | 'receiver';

export interface FaultNeeds {
  /** A set of three. */
  readonly nodes?: 3;
  /** So many processors at least, so that one is left to go on. */
  readonly processors?: number;
  /** Clocks that can be set. */
  readonly clocks?: true;
}

export interface Fault {
  /** As `--faults` names it. */
  readonly name: string;
  /** One line for `--list`. */
  readonly summary: string;
  /** Which duplicates it may cause and why, design sections 4 to 6. */
  readonly duplicates: string;
  readonly needs: FaultNeeds;
  readonly locks: readonly Lock[];
  /** Resolves once it is over and everything runs again. */
  inject(stage: Stage, random: Random): Promise<void>;
}

const LOOK_EVERY_MS = 50;

/** Programs that a fault has in hand: another one leaves them alone. */
const inHand = new WeakSet<Program>();

/**
 * Does something to one of these that has started and that no other fault has in hand; nothing when there is none. One that is
 * still starting belongs to whoever starts it.
 */
export async function withOneOf(programs: readonly Program[], random: Random, act: (program: Program) => Promise<void>): Promise<void> {
  const free = programs.filter((program) => program.started && !program.frozen && !inHand.has(program));
  if (free.length === 0) return;
  await holding(pick(random, free), act);
}

/** The same with this one, which another fault may have at the moment: then it is waited for. */
export async function withThis(program: Program, stage: Stage, act: (program: Program) => Promise<void>): Promise<void> {
  while (inHand.has(program)) await stage.sleep(LOOK_EVERY_MS);
  await holding(program, act);
}

async function holding(program: Program, act: (program: Program) => Promise<void>): Promise<void> {
  inHand.add(program);
  try {
    await act(program);
  } finally {
    inHand.delete(program);
  }
}
