/** The mixed run: a load, and all kinds of faults at once by a seeded plan. A fault whose lock is taken waits for it. */
import { messageOf } from '../src/runtime/errors.ts';
import type { Fault, Lock } from './fault.ts';
import { FAULTS } from './faults.ts';
import { now } from './ledger.ts';
import type { MixedOrder } from './options.ts';
import { MIXED } from './options.ts';
import { planOf, type Step } from './plan.ts';
import { between, seededRandom } from './random.ts';
import type { Scenario, Stage } from './scenario.ts';

const MINUTE_MS = 60_000;
/** A fault that has not got its locks by the end of the time is left out. */
const LOOK_EVERY_MS = 50;

export function mixedScenario(order: MixedOrder, hasClocks: boolean): Scenario {
  const faults = fitting(order, hasClocks);
  return {
    name: MIXED,
    summary: `${order.minutes} minutes of ${faults.map(({ name }) => name).join(', ')}`,
    fleet: { nodes: order.nodes, processors: order.processors, clocks: faults.some(({ needs }) => needs.clocks === true) },
    healingMs: 2 * MINUTE_MS + order.minutes * MINUTE_MS, // What came in while nobody delivered takes as long again.

    async run(stage) {
      stage.load({ rate: order.rate });
      const lengthMs = order.minutes * MINUTE_MS;
      const plan = planOf(faults.map(({ name }) => name), between(stage.random, 0, 2 ** 31), lengthMs);
      stage.note(`plan: ${plan.map(({ atMs, fault }) => `${(atMs / 1_000).toFixed(1)} ${fault}`).join(', ')}`);
      await carryOut(plan, faults, stage, lengthMs);
      stage.healed();
    },
  };
}

/** Those that can be done to such a fleet; of those that were asked for by name, all must. */
function fitting({ faults, nodes, processors }: MixedOrder, hasClocks: boolean): readonly Fault[] {
  const fits = ({ needs }: Fault): boolean => (needs.nodes ?? 1) <= nodes && (needs.processors ?? 1) <= processors && (hasClocks || needs.clocks !== true);
  return FAULTS.filter((fault) => fits(fault) && (faults === null || faults.includes(fault.name)));
}

async function carryOut(plan: readonly Step[], faults: readonly Fault[], stage: Stage, lengthMs: number): Promise<void> {
  const startedAtMs = now();
  const taken = new Set<Lock>();
  const running: Promise<void>[] = [];
  for (const step of plan) {
    const fault = faults.find(({ name }) => name === step.fault);
    if (fault === undefined) continue;
    await stage.sleep(Math.max(0, step.atMs - (now() - startedAtMs)));
    const done = whenFree(fault, step, { stage, taken, untilMs: startedAtMs + lengthMs });
    done.catch(() => undefined); // Told below, once the plan is through.
    running.push(done);
  }
  await stage.sleep(Math.max(0, lengthMs - (now() - startedAtMs)));
  // A fault that fails must not hide that others are still at work: what they broke would be judged as if it were healed.
  const failed = (await Promise.allSettled(running)).find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

interface Ground {
  readonly stage: Stage;
  readonly taken: Set<Lock>;
  readonly untilMs: number;
}

async function whenFree(fault: Fault, { seed }: Step, { stage, taken, untilMs }: Ground): Promise<void> {
  while (fault.locks.some((lock) => taken.has(lock))) {
    if (now() > untilMs) return;
    await stage.sleep(LOOK_EVERY_MS);
  }
  for (const lock of fault.locks) taken.add(lock);
  try {
    stage.note(`${fault.name} begins`);
    await fault.inject(stage, seededRandom(seed));
    stage.note(`${fault.name} is over`);
  } catch (error) {
    stage.note(`${fault.name} FAILED: ${messageOf(error)}`);
    throw error;
  } finally {
    for (const lock of fault.locks) taken.delete(lock);
  }
}
