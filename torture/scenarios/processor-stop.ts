/**
 * A processor stopped for a minute beside another: its targets are served by the other, and when it wakes it starts nothing for
 * a lane that it has lost. Its log tells every start, and the order of its lines decides, not their times. One of its targets
 * says "too early" for longer than the stop lasts, so that failures it had in hand come home when their deliveries have long moved on;
 * with a 5xx its breaker would open, and they would not have moved.
 */
import { now } from '../ledger.ts';
import type { LogLine, Program } from '../program.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { lengthOutside } from '../stalls.ts';
import { CALM, calmTarget, typeOf, UNLIMITED_TARGETS, type TargetPlan } from '../targets.ts';

const STOPPED_MS = 60_000;
const SERVED_WITHIN_MS = 20_000;
const RATE = 120;
const AFTERWARDS_MS = 15_000;
/** Answers take so long that some are on their way when it is stopped. */
const HELD_BACK_MS = 1_000;
const SOUR: TargetPlan = { ...calmTarget('sour'), temper: { ...CALM, fails: 1, failsWith: 425, failsThrough: 16 } };
const SOUR_SHARE = 0.1;

export const processorStop: Scenario = {
  name: 'processor-stop',
  summary: `SIGSTOP of one of two processors for ${STOPPED_MS / 1_000} s, then SIGCONT: its targets are served within 20 s, and it starts nothing for lanes it has lost`,
  fleet: { nodes: 1, processors: 2, targets: [...UNLIMITED_TARGETS, SOUR], environment: { LOG_LEVEL: 'debug' } },

  async run(stage) {
    let sourShare = SOUR_SHARE;
    stage.load({ rate: RATE, typeOf: (drawn) => (drawn < sourShare ? 'sour.thing' : typeOf(drawn, RATE)) });
    await stage.fleet.receiver.delay(HELD_BACK_MS);
    await stage.sleep(5_000);
    const owner = await stage.until('an owner of its lane', () => stage.fleet.ownerOf(SOUR));
    const lost = lanesOf(owner);
    stage.note(`${owner.name} holds ${lost.join(', ')} and is stopped`);
    const stoppedAtMs = now();
    await owner.freeze();
    await stage.fleet.receiver.delay(0);
    sourShare = 0; // What is on its way now is what counts; more would only have to be waited for.
    await stage.sleep(STOPPED_MS);
    const wokenAtMs = now();
    await owner.thaw();
    await stage.sleep(AFTERWARDS_MS);
    stage.healed();
    await stage.fleet.receiver.flush();
    for (const targetId of lost) expectServed(stage, targetId, stoppedAtMs);
    expectNoStarts(stage, owner, lost, wokenAtMs);
    const dropped = owner.said('delivery.resultDropped', wokenAtMs).length;
    stage.note(`${dropped} late failures dropped`);
    stage.expect(dropped > 0, 'failures that came home late to be dropped, got none');
  },
};

const targetOf = ({ fields }: LogLine): string => String(fields['targetId']);

/** By its own account: taken, and not released since. */
function lanesOf(processor: Program): readonly string[] {
  const held = new Set<string>();
  for (const line of processor.lines) {
    if (line.event === 'lane.taken') held.add(targetOf(line));
    if (line.event === 'lane.released') held.delete(targetOf(line));
  }
  return [...held];
}

function expectServed(stage: Stage, targetId: string, stoppedAtMs: number): void {
  const arrivals = stage.fleet.receiver.received.filter((request) => request.targetId === targetId && request.atMs > stoppedAtMs).map(({ atMs }) => atMs);
  const rests = stage.fleet.rests.filter((rest) => rest.targetId === targetId);
  const longestMs = arrivals.reduce((longest, untilMs, index) => Math.max(longest, lengthOutside({ fromMs: arrivals[index - 1] ?? stoppedAtMs, untilMs }, rests)), arrivals.length === 0 ? Infinity : 0);
  stage.note(`${targetId}: at most ${longestMs.toFixed(0)} ms without a request`);
  stage.expect(longestMs <= SERVED_WITHIN_MS, `${targetId} to be served again within ${SERVED_WITHIN_MS} ms, got ${longestMs.toFixed(0)}`);
}

/** From its waking on, until it takes the lane anew. */
function expectNoStarts(stage: Stage, processor: Program, lost: readonly string[], wokenAtMs: number): void {
  const since = processor.lines.filter(({ atMs }) => atMs >= wokenAtMs);
  for (const targetId of lost) {
    const own = since.filter((line) => targetOf(line) === targetId);
    const taken = own.findIndex(({ event }) => event === 'lane.taken');
    const starts = own.slice(0, taken === -1 ? undefined : taken).filter(({ event }) => event === 'attempt.started').length;
    stage.note(`${targetId}: ${starts} starts after waking and before it was taken again, ${own.filter(({ event }) => event === 'attempt.started').length} in all`);
    stage.expect(starts === 0, `${processor.name} to start nothing for ${targetId} after waking, got ${starts}`);
  }
  stage.expect(since.some(({ event }) => event === 'lane.released'), `${processor.name} to notice that its lanes are lost, it did not say so`);
}
