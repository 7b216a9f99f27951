/**
 * What a scenario is: a named, fixed arrangement that becomes one row of the closing table. To add one, write a file in
 * torture/scenarios/ that exports a `Scenario`, and name it in torture/scenarios.ts.
 *
 *   fleet    what is started before `run` begins: MongoDB nodes, servers, processors, targets (torture/targets.ts), settings
 *   run      offers a load, does harm, and puts everything right again; what it leaves stopped is a failure of its own making
 *   after    the runner stops the loads, waits until everything is settled (`healingMs`), waits a quiet while for late
 *            repeats, ends all programs by SIGTERM (each must exit 0), and compares the three ledgers (torture/judge.ts)
 *
 * Always judged: nothing lost, every ledger agrees, no program ended by itself, duplicates ≤ allowed, limits kept. Allowed are
 * SLOTS for every interruption of a processor; `Program.kill()` and long freezes count themselves (torture/program.ts), and for
 * anything else call `allowDuplicates` with its reason. Whatever else a scenario promises it says with `expect`.
 *
 * Times are those of `now()` (torture/ledger.ts), monotonic, shared by all processes: `stage.fleet.receiver.received` is the
 * receiver's ledger as it grows, `program.said('lane.taken', sinceMs)` what a program has logged since.
 */
import type { Random } from '../src/runtime/random.ts';
import type { Fleet, FleetPlan } from './fleet.ts';
import type { Offer } from './ledger.ts';
import type { Load, LoadOrder } from './load.ts';

export interface Scenario {
  /** As `--scenario` and the table name it. */
  readonly name: string;
  /** One line for `--list`. */
  readonly summary: string;
  readonly fleet: FleetPlan;
  /** How long everything may take to settle after `run`. Default 60 s. */
  readonly healingMs?: number;
  run(stage: Stage): Promise<void>;
}

export interface Stage {
  readonly fleet: Fleet;
  /** The sender's ledger, as it grows. */
  readonly offers: readonly Offer[];
  /** Repeats with the seed of the run. */
  readonly random: Random;
  /** Aborted when the whole run is interrupted. */
  readonly signal: AbortSignal;
  /** Starts a producer. One with a `count` must be awaited (`finished`) by the scenario, any other is stopped by the runner. */
  load(order: LoadOrder): Load;
  /** @throws when the run is interrupted */
  sleep(ms: number): Promise<void>;
  /** Repeats `look` until it answers something other than null. @throws Error naming `what` when that takes too long */
  until<T>(what: string, look: () => Promise<T | null> | T | null, withinMs?: number): Promise<T>;
  /**
   * Resolves once deliveries flow, with how long after that moment that was: an event acknowledged since has come to a receiver,
   * or more requests have than processors can have in hand without writing anything down.
   */
  flowing(sinceMs: number, withinMs?: number): Promise<number>;
  /** Resolves once every stored event is settled, with how long that took. @throws Error when it takes longer; time in which a breaker is open does not count */
  untilSettled(withinMs: number): Promise<number>;
  /** Notes a failure unless it holds; the run goes on. */
  expect(holds: boolean, what: string): void;
  /** Faults of this scenario that may repeat so many requests, and why. */
  allowDuplicates(count: number, why: string): void;
  /** The last fault is over now: what stalls later is no longer the fault's doing. Called at the end of `run` otherwise. */
  healed(): void;
  /** A line for the evidence, with the time. */
  note(text: string): void;
}
