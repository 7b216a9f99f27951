/** One job, seen through: what each outcome writes, holds and marks, and that its slot is given back exactly once on every way. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Outcome } from '../../src/domain/attempt.ts';
import type { DeliveryClaim } from '../../src/domain/delivery.ts';
import type { Target } from '../../src/domain/target.ts';
import { createCourier, type TargetHealth } from '../../src/delivery/courier.ts';
import { LaneDrained, type Lane, type Turn } from '../../src/delivery/lane.ts';
import type { EventMark } from '../../src/delivery/mark.ts';
import type { SendRequest } from '../../src/delivery/sender.ts';
import type { SettleResult } from '../../src/delivery/settle.ts';
import type { TurnWish } from '../../src/delivery/turn-queue.ts';
import { Batcher } from '../../src/runtime/batcher.ts';
import { HooktailError } from '../../src/runtime/errors.ts';
import { ServerClock } from '../../src/runtime/server-clock.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import type { Settlement } from '../../src/store/deliveries.ts';
import { FAKE_START_MS, FakeClock, settled } from '../support/fake-clock.ts';
import { eventIdOf, idOf, jobOf, TARGET_ID, targetWith } from './delivery-parts.ts';

/** What a try shows, and how long it takes; or that the lane is drained instead of giving the turn. */
type Try = Outcome | { readonly outcome: Outcome; readonly tookMs: number } | 'drained';

interface Options {
  readonly target?: Target | null;
  readonly settle?: SettleResult | 'fails';
  readonly claim?: Partial<DeliveryClaim>;
  /** Its lane takes nothing just now. */
  readonly isShut?: boolean;
  readonly isProbe?: boolean;
}

interface Story {
  readonly answer: 'forget' | 'marking';
  /** Everything that was done, in order. */
  readonly steps: readonly string[];
  readonly settlements: readonly Settlement[];
  readonly marks: readonly EventMark[];
  readonly requests: readonly SendRequest[];
  readonly turns: { readonly urgent: boolean; left: number; slotsBack: number }[];
  readonly told: readonly string[];
  /** Outcomes that the target's health was told of. */
  readonly noted: readonly Outcome[];
  /** How many it had been told of whenever a place in the lane was given back. */
  readonly left: readonly number[];
}

/** Sees one job through with a script of tries, and tells the story. Pauses between quick retries are skipped. */
async function story(context: TestContext, tries: readonly Try[], { target = targetWith(), settle = 'written', claim = {}, isShut = false, isProbe = false }: Options = {}): Promise<Story> {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const clock = new FakeClock();
  const telemetry = createTelemetry();
  const [noted, left]: [Outcome[], number[]] = [[], []];
  const [steps, marks, requests, turns, settlements, told]: [string[], EventMark[], SendRequest[], Story['turns'], Settlement[], string[]] = [[], [], [], [], [], []];
  telemetry.listen((name) => told.push(name));
  const script = [...tries];

  const lane = {
    isShut,
    takeTurn({ isUrgent: urgent }: TurnWish): Promise<Turn> {
      if (script[0] === 'drained') return Promise.reject(new LaneDrained('The lane is drained'));
      const turn = { urgent, left: 0, slotsBack: 0 };
      turns.push(turn);
      return Promise.resolve({ leaveLane: () => { turn.left += 1; left.push(noted.length); }, giveSlotBack: () => { turn.slotsBack += 1; steps.push('slot back'); }, isProbe });
    },
    hold: (ms: number) => steps.push(`hold ${ms}`),
    forget: (id: string) => steps.push(`forget ${id}`),
  } as unknown as Lane;

  const courier = createCourier({
    clock, telemetry,
    serverClock: new ServerClock(clock),
    random: () => 0.5,
    sender: {
      async send(request) {
        requests.push(request);
        const next = script.shift();
        assert.ok(next !== undefined && next !== 'drained', 'sent more often than the script says');
        const { outcome, tookMs } = 'tookMs' in next ? next : { outcome: next, tookMs: 100 };
        await clock.advance(tookMs);
        return outcome;
      },
      abortAll: () => undefined,
      close: () => Promise.resolve(),
    },
    settler: new Batcher<Settlement, SettleResult>({
      maxItems: 1,
      write: (items) => {
        steps.push('settle');
        settlements.push(...items);
        return settle === 'fails' ? Promise.reject(new HooktailError('gave_up', 'Gave up')) : Promise.resolve([settle]);
      },
    }),
    marker: { note: (mark) => { steps.push('mark'); marks.push(mark); }, flush: () => Promise.resolve() },
    targetOf: () => target,
  });
  const health: TargetHealth = {
    note: (outcome) => { noted.push(outcome); return null; },
    hold: (ms) => { steps.push(`persist hold ${ms}`); return Promise.resolve(); },
    disable: (reason) => { steps.push(`disable: ${reason}`); return Promise.resolve(); },
  };

  const answers: Story['answer'][] = [];
  void courier(jobOf(1, { claim }), lane, health).then((result) => answers.push(result));
  for (let turn = 0; turn < 50 && answers.length === 0; turn += 1) {
    await settled();
    context.mock.timers.tick(1_000);
  }
  const [answer] = answers;
  assert.ok(answer !== undefined, 'the courier never came back');
  return { answer, noted, left, steps, settlements, marks, requests, turns, told };
}

/** Every turn was left once and its slot given back once. */
function assertTidy({ turns }: Story): void {
  assert.deepEqual(turns.map(({ left, slotsBack }) => [left, slotsBack]), turns.map(() => [1, 1]));
}

const answered = (status: number, retryAfter: string | null = null): Outcome => ({ kind: 'answered', status, retryAfter, excerpt: '' });
const refused: Outcome = { kind: 'network', fault: 'refused', detail: 'ECONNREFUSED' };
const cut: Outcome = { kind: 'cut' };
/** When the result is written: one try of 100 ms after the start. */
const DONE_MS = FAKE_START_MS + 100;

describe('an outcome', () => {
  const table: readonly (readonly [what: string, outcome: Outcome, to: object, marked: object, answer: Story['answer']])[] = [
    ['a 2xx is settled as delivered', answered(204), { state: 'delivered', at: new Date(DONE_MS) }, { state: 'delivered', attemptCount: 1 }, 'marking'],
    ['a 500 waits for its schedule', answered(500), { state: 'waiting', wakeAt: new Date(DONE_MS + 5_000) }, { state: 'waiting', attemptCount: 1 }, 'forget'],
    ['a timeout waits a minute at least', { kind: 'timeout', detail: '' }, { state: 'waiting', wakeAt: new Date(DONE_MS + 60_000) }, { state: 'waiting', attemptCount: 1 }, 'forget'],
    ['a blocked address is dead at once', { kind: 'blocked', detail: 'private' }, { state: 'dead', at: new Date(DONE_MS), reason: 'blocked: private' }, { state: 'dead', attemptCount: 1 }, 'marking'],
    ['a bad response is no case for a quick retry', { kind: 'network', fault: 'bad_response', detail: 'x' }, { state: 'waiting', wakeAt: new Date(DONE_MS + 5_000) }, { state: 'waiting', attemptCount: 1 }, 'forget'],
  ];
  for (const [what, outcome, to, progress, answer] of table) {
    test(`of ${what}, marked and its slot given back last`, async (context) => {
      const told = await story(context, [outcome]);
      assert.deepEqual(told.settlements.map(({ claim, to: state, attempts }) => [claim.id, state, attempts.length]), [[idOf(1), to, 1]]);
      assert.deepEqual(told.marks.map(({ eventId, targetIds, progress: seen }) => [eventId, targetIds, seen]), [[eventIdOf(1), [TARGET_ID], { targetId: TARGET_ID, ...progress }]]);
      assert.deepEqual([told.answer, told.steps], [answer, ['settle', 'mark', 'slot back']]);
      assertTidy(told);
    });
  }

  test('counts attempts from where the claim stands, and records the try as it was', async (context) => {
    const { settlements: [settlement], requests: [request], marks: [mark] } = await story(context, [answered(500)], { claim: { attemptCount: 1, stored: true, generation: 2 } });
    assert.deepEqual(settlement?.attempts, [{ number: 2, quickRetry: 0, at: new Date(FAKE_START_MS), durationMs: 100, outcome: 'answered', status: 500, error: null, responseExcerpt: null }]);
    assert.equal(request?.headers['hooktail-attempt'], '2');
    assert.equal(mark?.progress?.attemptCount, 2);
  });

  test('that is final lets the lane forget the id once its event is marked, and no sooner', async (context) => {
    const { steps, marks: [mark] } = await story(context, [answered(200)]);
    assert.ok(!steps.includes(`forget ${idOf(1)}`));
    mark?.onMarked?.();
    assert.equal(steps.at(-1), `forget ${idOf(1)}`);
  });

  test('whose result came late is marked by the database alone', async (context) => {
    const { marks, told } = await story(context, [answered(200)], { settle: 'late' });
    assert.deepEqual(marks.map(({ progress }) => progress), [null]);
    assert.ok(told.includes('delivery.resultDropped') && !told.includes('delivery.settled'));
  });
});

describe('what a verdict means for the target', () => {
  test('a Retry-After holds the lane in memory at once, and in the database before the result is written', async (context) => {
    const told = await story(context, [answered(429, '120')]);
    assert.deepEqual(told.steps, ['hold 120000', 'persist hold 120000', 'settle', 'mark', 'slot back']);
    assert.deepEqual(told.settlements[0]?.to, { state: 'waiting', wakeAt: new Date(DONE_MS + 120_000) });
  });

  test('a last attempt with a Retry-After is dead, and holds the lane all the same', async (context) => {
    const { steps, settlements: [settlement] } = await story(context, [answered(503, '7')], { claim: { attemptCount: 2, stored: true } });
    assert.deepEqual([steps.slice(0, 2), settlement?.to.state], [['hold 7000', 'persist hold 7000'], 'dead']);
  });

  test('a 410 disables the target, before anything else may start there', async (context) => {
    const { steps } = await story(context, [answered(410)]);
    assert.deepEqual(steps, ['disable: gone: the receiver answered 410', 'settle', 'mark', 'slot back']);
  });
});

describe('quick retries', () => {
  test('are recorded under the one number of their attempt, each in a turn of its own, urgent from the second', async (context) => {
    const told = await story(context, [refused, refused, refused]);
    const recorded = told.settlements.map(({ to, attempts }) => [to.state, attempts.map(({ number, quickRetry, error }) => [number, quickRetry, error])]);
    assert.deepEqual(recorded, [['waiting', [0, 1, 2].map((retry) => [1, retry, 'refused: ECONNREFUSED'])]]);
    assert.deepEqual(told.turns.map(({ urgent }) => urgent), [false, true, true]);
    assertTidy(told);
  });

  test('end with the first that works', async (context) => {
    const told = await story(context, [refused, answered(200)]);
    assert.deepEqual(told.settlements.map(({ to, attempts }) => [to.state, attempts.length]), [['delivered', 2]]);
    assertTidy(told);
  });

  for (const [when, options] of [['while the lane is shut: the schedule is waited for, not the lane', { isShut: true }], ['of a probe: it is one try', { isProbe: true }]] as const) {
    test(`are not made ${when}`, async (context) => {
      const told = await story(context, [refused], options);
      assert.deepEqual([told.requests.length, told.settlements.map(({ to, attempts }) => [to.state, attempts.length])], [1, [['waiting', 1]]]);
      assertTidy(told);
    });
  }

  test('share one deadline: each gets what is left of it', async (context) => {
    const told = await story(context, [{ outcome: refused, tookMs: 4_000 }, { outcome: refused, tookMs: 9_000 }, { outcome: answered(200), tookMs: 1_000 }]);
    assert.deepEqual(told.requests.map(({ timeoutMs }) => timeoutMs), [15_000, 11_000, 2_000]);
  });

  test('are not made when no time is left for one; the slot is still given back once', async (context) => {
    const told = await story(context, [{ outcome: refused, tookMs: 15_000 }]);
    assert.deepEqual([told.requests.length, told.settlements[0]?.attempts.length, told.settlements[0]?.to.state], [1, 1, 'waiting']);
    assertTidy(told);
  });
});

describe('the health of a target', () => {
  test('hears once of each attempt, of what its last try showed', async (context) => {
    assert.deepEqual((await story(context, [refused, refused, answered(200)])).noted, [answered(200)]);
  });

  for (const outcome of [answered(500), answered(503, '7'), answered(410)]) {
    test(`hears of ${JSON.stringify(outcome)} before the next start may come`, async (context) => {
      assert.deepEqual((await story(context, [outcome])).left, [1], 'told when the place was given back');
    });
  }
});

describe('what ends without a word in the database', () => {
  const nothingWritten = (told: Story): void => {
    assert.deepEqual([told.settlements, told.marks, told.answer], [[], [], 'forget']);
    assertTidy(told);
  };

  test('a try that we cut', async (context) => {
    const told = await story(context, [cut]);
    nothingWritten(told);
    assert.ok(!told.told.includes('loop.failed') && !told.told.includes('delivery.attempted'));
  });

  test('a quick retry that we cut: the whole attempt is owed again', async (context) => nothingWritten(await story(context, [refused, cut])));

  test('a job whose lane is drained before its turn, without a fault being told', async (context) => {
    const told = await story(context, ['drained']);
    nothingWritten(told);
    assert.deepEqual(told.told, []);
  });

  test('a job whose lane is drained before its quick retry', async (context) => {
    const told = await story(context, [refused, 'drained']);
    nothingWritten(told);
    assert.ok(!told.told.includes('loop.failed'));
  });

  test('a job whose target is gone, which is told', async (context) => {
    const told = await story(context, [answered(200)], { target: null });
    nothingWritten(told);
    assert.deepEqual([told.requests.length, told.told], [0, ['loop.failed']]);
  });

  test('a result that was given up on: nothing is marked, since it is still owed', async (context) => {
    const told = await story(context, [answered(200)], { settle: 'fails' });
    assert.deepEqual([told.marks, told.answer, told.told.at(-1)], [[], 'forget', 'loop.failed']);
    assertTidy(told);
  });
});
