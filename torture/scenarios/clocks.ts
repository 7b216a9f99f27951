/**
 * The wall clocks of the server and of two processors are wrong by ten minutes, one ahead and one behind, and jump from one to
 * the other while they run. Due times are the database's and leases are counted on monotonic clocks, so nobody loses a lane,
 * retries come when they are due, limited lanes go on, and nothing comes twice. The producer signs by the server's clock: the
 * server refuses what is more than five minutes off by its own, so that with any other it would only refuse.
 */
import { scheduledDelayMs, JITTER } from '../../src/domain/backoff.ts';
import { delaysOf, delayWords } from '../delays.ts';
import type { Fleet } from '../fleet.ts';
import { now, type Received } from '../ledger.ts';
import { untilShared } from '../owners.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { CALM, calmTarget, RETRY_SCHEDULE_MS, TARGETS, type TargetPlan } from '../targets.ts';

const MINUTES = 10;
const JUMPS = 6;
const BETWEEN_JUMPS_MS = 15_000;
/** After the last jump: the longest retry that matters, and more. */
const AFTERMATH_MS = 10_000;
const RATE = 60;
/** Lanes that have just changed hands are served late for a few seconds. */
const RUN_IN_MS = 8_000;
const LEAST_RETRIES = 100;
/** From when a timer is due to when it is fired, both by the server's clock. */
const MOST_LATE_MS = 1_000;
/** What lies between an answer and its retry besides the delay itself: the result's write, quick retries, the way. */
const MOST_AROUND_MS = 1_500;
const EARLY_TOLERANCE_MS = 50;
/** For a limited lane too, which is offered less than it may take. */
const MOST_DELAY_MS = 8_000;

/** It says "too early", which opens no breaker: a 5xx would, now and then, and nothing would be punctual for 30 s. */
const FLAKY: TargetPlan = { ...calmTarget('flaky'), temper: { ...CALM, fails: 0.3, failsWith: 425 } };
const TYPES = ['flaky.thing', 'a.thing', 'b.thing', 'c.thing'] as const;
const LIMITED_SHARE = 1.5 / RATE;

export const clocks: Scenario = {
  name: 'clocks',
  summary: `The clocks of the server and of two processors are ${MINUTES} minutes ahead or behind and jump ${JUMPS} times: no lane moves, retries are on time, nothing comes twice`,
  fleet: { nodes: 1, processors: 2, targets: [FLAKY, calmTarget('a'), calmTarget('b'), calmTarget('c'), TARGETS.limited], clocks: true },

  async run(stage) {
    const { fleet } = stage;
    let serverSeconds = 0;
    const setClocks = (seconds: number): void => {
      for (const server of fleet.servers) server.setClock(seconds);
      fleet.processors.forEach((processor, index) => processor.setClock(index % 2 === 0 ? seconds : -seconds));
      serverSeconds = seconds;
    };
    stage.load({ rate: RATE, clockOffsetMs: () => serverSeconds * 1_000, typeOf: typeFor });
    await untilShared(stage, fleet.up);
    await stage.sleep(RUN_IN_MS);
    const fromMs = now();
    for (let jump = 1; jump <= JUMPS; jump += 1) {
      setClocks(jump === JUMPS ? 0 : (jump % 2 === 1 ? 1 : -1) * MINUTES * 60);
      stage.note(`the server and p1 are ${serverSeconds} s ahead, p2 is ${-serverSeconds} s`);
      await stage.sleep(BETWEEN_JUMPS_MS);
    }
    await stage.sleep(AFTERMATH_MS);
    await expectSteady(stage, fromMs);
  },
};

const typeFor = (drawn: number): string => (drawn < LIMITED_SHARE ? 'limited.tick' : (TYPES[Math.floor(drawn * 1_000) % TYPES.length] ?? 'a.thing'));

async function expectSteady(stage: Stage, fromMs: number): Promise<void> {
  const { fleet } = stage;
  for (const processor of fleet.processors) {
    for (const event of ['session.lost', 'lane.taken', 'lane.released']) stage.expect(processor.said(event, fromMs).length === 0, `no lane to move, got ${event} of ${processor.name}`);
  }
  const lateMs = await mostLate(fleet);
  stage.expect(lateMs <= MOST_LATE_MS, `every timer to be fired within ${MOST_LATE_MS} ms of being due, got ${lateMs} ms`);
  const requests = fleet.receiver.received.filter(({ targetId, atMs }) => targetId === FLAKY.id && atMs >= fromMs).reduce(collectAttempts, new Map<string, Received[]>());
  const retries = [...requests.values()].flatMap(retryTimes);
  const [early, late] = [Math.max(...retries.map(({ early: ms }) => ms)), Math.max(...retries.map(({ late: ms }) => ms))];
  stage.note(`${retries.length} retries, ${early.toFixed(0)} ms early and ${late.toFixed(0)} ms late at most, timers ${lateMs} ms`);
  stage.expect(retries.length >= LEAST_RETRIES, `${LEAST_RETRIES} retries at least, got ${retries.length}`);
  stage.expect(early <= EARLY_TOLERANCE_MS && late <= MOST_AROUND_MS, `retries neither ${EARLY_TOLERANCE_MS} ms early nor ${MOST_AROUND_MS} ms late, got ${early.toFixed(0)} and ${late.toFixed(0)} ms`);
  for (const { id, wants } of fleet.targets) {
    const delays = delaysOf(stage, (type) => type.startsWith(wants.slice(0, -1)), [fromMs, now() - MOST_DELAY_MS]);
    stage.note(`${id}: ${delayWords(delays)}`);
    stage.expect(delays.max <= MOST_DELAY_MS, `${id} to be served within ${MOST_DELAY_MS / 1_000} s always, got ${delayWords(delays)}`);
  }
}

/** By the timers themselves, which the server stamps when they are fired. */
async function mostLate({ store }: Fleet): Promise<number> {
  const fired = await store.schedule.find({ state: 'due' }, { projection: { dueAt: 1, firedAt: 1 } }).toArray();
  return Math.max(...fired.map(({ dueAt, firedAt }) => (firedAt?.getTime() ?? Infinity) - dueAt.getTime()));
}

function collectAttempts(deliveries: Map<string, Received[]>, request: Received): Map<string, Received[]> {
  deliveries.set(request.eventId, [...(deliveries.get(request.eventId) ?? []), request]);
  return deliveries;
}

interface RetryTime {
  /** Before its earliest moment; negative when after it. */
  readonly early: number;
  /** After its latest moment; negative when before it. */
  readonly late: number;
}

/** Each retry of one delivery against the answer before it, by the retry schedule and its jitter. */
function retryTimes(requests: readonly Received[]): readonly RetryTime[] {
  return requests.slice(1).map(({ atMs }, index) => {
    const before = requests[index];
    const delayMs = scheduledDelayMs({ scheduleMs: RETRY_SCHEDULE_MS, maxAttempts: null }, before?.attempt ?? 1) ?? Infinity;
    const gapMs = atMs - (before?.answeredAtMs ?? -Infinity);
    return { early: delayMs * (1 - JITTER) - gapMs, late: gapMs - delayMs * (1 + JITTER) };
  });
}
