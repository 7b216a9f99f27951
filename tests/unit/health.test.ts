/** The keeper of a target's health: what a result makes the lane do at once, what it writes and when, and what it tells operators. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Outcome } from '../../src/domain/attempt.ts';
import { HOPELESS_AFTER_MS, OPEN_MS, RECORD_AFTER_MS, WELL, type Health } from '../../src/domain/breaker.ts';
import type { Target } from '../../src/domain/target.ts';
import { HealthKeeper } from '../../src/delivery/health.ts';
import { ServerClock } from '../../src/runtime/server-clock.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { FAKE_START_MS, FakeClock, settled } from '../support/fake-clock.ts';
import { range, targetWith } from './delivery-parts.ts';

const answered = (status: number): Outcome => ({ kind: 'answered', status, retryAfter: null, excerpt: '' });
const FAILED = answered(503);
const FINE = answered(200);

interface Bench {
  readonly clock: FakeClock;
  readonly keeper: HealthKeeper;
  /** All that was done, in order. */
  readonly steps: string[];
  readonly stored: Health[];
  /** What the target is now. */
  target: Target;
  isTrusted: boolean;
  readonly note: (outcome: Outcome, count?: number, isProbe?: boolean) => Noted;
}

interface Noted {
  /** Of each result, whether there is something to wait for. */
  readonly asks: readonly boolean[];
  /** Resolves once everything is. */
  readonly written: () => Promise<unknown>;
}

function bench(health: Health = WELL, target: Partial<Target> = {}): Bench {
  const clock = new FakeClock();
  const [steps, stored]: [string[], Health[]] = [[], []];
  const serverClock = new ServerClock(clock);
  const keeper: HealthKeeper = new HealthKeeper(health, {
    clock, serverClock, telemetry: createTelemetry(),
    target: () => it.target,
    isTrusted: () => it.isTrusted,
    tell: ({ kind, occasion, reason }) => { steps.push(`tell ${kind} (${occasion}): ${reason}`); return settled(); },
    storeHealth: (known) => { steps.push(`store ${known.breaker.kind}`); stored.push(known); return settled(); },
    storeHold: (until) => { steps.push(`store hold ${until.getTime() - FAKE_START_MS}`); return settled(); },
    disable: (_, reason) => { steps.push(`disable: ${reason}`); it.target = { ...it.target, status: 'disabled', version: it.target.version + 1 }; return settled(); },
  });
  const it: Bench = {
    clock, keeper, steps, stored, isTrusted: true,
    target: targetWith({ limits: { ratePerSecond: 0, concurrency: 4 }, ...target }),
    note: (outcome, count = 1, isProbe = false) => {
      const waits = range(count).map(() => keeper.note(outcome, isProbe));
      return { asks: waits.map((wait) => wait !== null), written: () => Promise.all(waits.map((wait) => wait ?? Promise.resolve())) };
    },
  };
  keeper.rule({ breakFor: (ms) => steps.push(`break ${ms}`), mend: (places) => steps.push(`mend ${places ?? 'all'}`), probeAgain: () => steps.push('probe again') });
  return it;
}

const TOLD = 'tell failing (spell 1): most attempts of the last minute failed, the last with status 503';

describe('while all is well', () => {
  test('results ask for nothing: no write, no promise, no word to the lane', () => {
    const { note, steps } = bench();
    assert.deepEqual(note(FINE, 100).asks, range(100).map(() => false));
    assert.deepEqual(steps, []);
  });

  test('failures found when the lease is not trusted say nothing of the receiver: a suspended process finds every deadline passed', () => {
    const it = bench();
    const breaks = (): readonly string[] => it.steps.filter((step) => step.startsWith('break'));
    it.isTrusted = false;
    assert.deepEqual(it.note(FAILED, 100).asks, range(100).map(() => false));
    it.isTrusted = true;
    it.note(FAILED, 9);
    assert.deepEqual(breaks(), [], 'none of them counts later');
    it.note(FAILED);
    assert.deepEqual(breaks(), ['break 30000']);
  });

  test('neither does a target that works every other time', async () => {
    const { note, steps, clock } = bench();
    for (let count = 0; count < 50; count += 1) {
      note(FAILED);
      note(FINE);
      await clock.advance(1_000);
    }
    assert.deepEqual(steps, []);
  });
});

describe('when it opens', () => {
  test('the lane is shut before anything is written; operators are told before the lane document says so', async () => {
    const { note, steps } = bench();
    const noted = note(FAILED, 10);
    assert.deepEqual(steps.slice(0, 2), [`break ${OPEN_MS}`, TOLD]);
    assert.deepEqual(noted.asks, range(10).map((number) => number === 9));
    await noted.written();
    assert.deepEqual(steps, [`break ${OPEN_MS}`, TOLD, 'store open']);
  });

  test('one write, however many attempts end meanwhile', async () => {
    const { note, steps } = bench();
    await Promise.all([note(FAILED, 300).written(), note(answered(404), 300).written()]);
    assert.equal(steps.filter((step) => step.startsWith('store')).length, 1);
  });

  test('a probe that fails breaks it for twice as long, and nobody is told again', async () => {
    const { note, steps, clock } = bench();
    await note(FAILED, 10).written();
    await clock.advance(OPEN_MS);
    steps.length = 0;
    await note(FAILED, 1, true).written();
    assert.deepEqual(steps, [`break ${2 * OPEN_MS}`, 'store open']);
  });

  test('a probe that works mends it slowly; two writes until it is closed', async () => {
    const { note, steps, clock } = bench();
    await note(FAILED, 10).written();
    await clock.advance(OPEN_MS);
    steps.length = 0;
    await note(FINE, 1, true).written();
    await note(FINE, 2).written();
    assert.deepEqual(steps, ['mend 1', 'tell recovered (spell 1): status 200', 'store recovering', 'mend 2', 'mend all', 'store closed']);
  });

  test('a probe that we cut is sent again', () => {
    const { note, steps } = bench();
    note(FAILED, 10);
    steps.length = 0;
    note({ kind: 'cut' }, 1, true);
    assert.deepEqual(steps, ['probe again']);
  });
});

describe('a new owner', () => {
  const open = (untilMs: number): Health => ({ breaker: { kind: 'open', untilMs, openings: 2 }, failingSinceMs: FAKE_START_MS - 1, failures: 10, spells: 1 });

  test('keeps the lane shut for what is left of it', () => assert.deepEqual(bench(open(FAKE_START_MS + 700)).steps, ['break 700']));
  test('goes to the probe when its time was over meanwhile', () => assert.deepEqual(bench(open(FAKE_START_MS - 700)).steps, ['break 0']));
  test('begins a slow start again from one', () => assert.deepEqual(bench({ ...WELL, breaker: { kind: 'recovering', places: 1, openings: 1 } }).steps, ['mend 1']));
  test('goes on counting how often in a row it has opened', async () => {
    const { note, steps } = bench(open(FAKE_START_MS));
    await note(FAILED, 1, true).written();
    assert.deepEqual(steps, ['break 0', `break ${4 * OPEN_MS}`, 'store open']);
  });
});

describe('a failing target', () => {
  test('has since when written down once a minute, and its end at once', async () => {
    const { note, stored, clock } = bench();
    for (let minute = 0; minute < 4; minute += 1) {
      await note(FAILED, 2).written();
      await clock.advance(RECORD_AFTER_MS);
    }
    assert.deepEqual(stored.map(({ failingSinceMs, failures }) => [failingSinceMs, failures]), [3, 5, 7].map((failures) => [FAKE_START_MS, failures]));
    await note(FINE).written();
    assert.deepEqual([stored.length, stored.at(-1)?.failingSinceMs], [4, null]);
  });

  test('is disabled after 120 h without a success: told, then disabled, then written with the lane', async () => {
    const since = FAKE_START_MS - HOPELESS_AFTER_MS;
    const { note, steps } = bench({ ...WELL, failingSinceMs: since, failures: 19 });
    await note(answered(404)).written();
    const reason = `failing: no success since ${new Date(since).toISOString()}`;
    assert.deepEqual(steps.filter((step) => !step.startsWith('mend')), ['store closed', `tell disabled (version 1): ${reason}`, `disable: ${reason}`, 'store off']
      .sort((a, b) => steps.indexOf(a) - steps.indexOf(b)));
    assert.ok(steps.indexOf(`tell disabled (version 1): ${reason}`) < steps.indexOf(`disable: ${reason}`));
    assert.ok(steps.indexOf(`disable: ${reason}`) < steps.indexOf('store off'));
  });

  test('is not while it has had a success', async () => {
    const { note, steps } = bench({ ...WELL, failingSinceMs: FAKE_START_MS - HOPELESS_AFTER_MS, failures: 19 });
    await Promise.all([note(FINE).written(), note(FAILED).written()]);
    assert.deepEqual(steps, ['store closed']);
  });
});

describe('a target that is gone for good', () => {
  test('is disabled once, however many ask for it at once', async () => {
    const it = bench();
    const asked = [it.keeper.disable('gone'), it.keeper.disable('gone')];
    assert.equal(it.keeper.isDisabling, true);
    await Promise.all(asked);
    await it.keeper.disable('gone');
    assert.deepEqual(it.steps.filter((step) => /^(tell|disable)/.test(step)), ['tell disabled (version 1): gone', 'disable: gone']);
    assert.equal(it.keeper.isDisabling, false);
  });

  test('and switched on again recovers slowly, with nothing held against it, and operators are told', async () => {
    const it = bench({ ...WELL, failingSinceMs: 5, failures: 20 }, { status: 'disabled', version: 2 });
    await settled();
    assert.deepEqual(it.steps, ['mend all', 'store off']);
    it.target = { ...it.target, status: 'active', version: 3 };
    it.keeper.look();
    it.keeper.look();
    for (let turn = 0; turn < 4; turn += 1) await settled();
    assert.deepEqual(it.steps.slice(2), ['mend 1', 'tell recovered (version 3): switched on after it was disabled', 'store recovering']);
    assert.deepEqual([it.stored.at(-1)?.failingSinceMs, it.stored.at(-1)?.failures], [null, 0]);
  });

  test('paused and resumed is nobody\'s news', async () => {
    const it = bench();
    for (const status of ['paused', 'active'] as const) {
      it.target = { ...it.target, status };
      it.keeper.look();
      for (let turn = 0; turn < 4; turn += 1) await settled();
    }
    assert.deepEqual(it.steps, ['mend all', 'store off', 'mend 1', 'store recovering']);
  });
});

describe('a hold', () => {
  test('is written for as long as the longest that was asked for, in few writes', async () => {
    const { keeper, steps } = bench();
    await Promise.all([2_000, 1_000, ...range(200).map(() => 3_000)].map((ms) => keeper.hold(ms)));
    assert.deepEqual(steps, ['store hold 2000', 'store hold 3000']);
  });
});
