/** The breaker against its rules: each step by hand, then any course of results against a plain model that keeps them all. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { NetworkFault, Outcome } from '../../src/domain/attempt.ts';
import {
  afterResult, FULL_PLACES, HOPELESS_AFTER_MS, HOPELESS_FAILURES, isHopeless, isWorthStoring, LONGEST_OPEN_MS, OPEN_MS, openMsOf, RECORD_AFTER_MS, resultOf, switchedOff, switchedOn, WELL,
  type Health, type Result, type Seen,
} from '../../src/domain/breaker.ts';
import { ResultWindow } from '../../src/domain/result-window.ts';

const answered = (status: number): Outcome => ({ kind: 'answered', status, retryAfter: null, excerpt: '' });
const seen = (result: Result, over: Partial<Seen> = {}): Seen => ({ result, isProbe: false, isBad: false, nowMs: 0, concurrency: 8, ...over });
const opened = (over: Partial<Seen> = {}): Health => afterResult(WELL, seen('failure', { isBad: true, ...over }));
const probed = (health: Health, result: Result, over: Partial<Seen> = {}): Health => afterResult(health, seen(result, { isProbe: true, ...over }));

describe('what counts', () => {
  const rows: readonly (readonly [result: Result | null, outcomes: readonly Outcome[]])[] = [
    ['success', [200, 202, 204, 299].map(answered)],
    ['failure', [429, 500, 502, 503, 504, 599].map(answered)],
    ['answered', [301, 302, 400, 401, 404, 408, 410, 422, 425].map(answered)],
    ['failure', [{ kind: 'timeout', detail: '' }]],
    ['failure', (['dns', 'refused', 'reset', 'connect_timeout', 'tls', 'bad_response', 'other'] satisfies NetworkFault[]).map((fault) => ({ kind: 'network', fault, detail: '' }))],
    ['unsent', [{ kind: 'blocked', detail: '' }]],
    [null, [{ kind: 'cut' }]],
  ];
  for (const [result, outcomes] of rows) {
    for (const outcome of outcomes) test(`${'status' in outcome ? outcome.status : 'fault' in outcome ? outcome.fault : outcome.kind} is ${result ?? 'nothing'}`, () => assert.equal(resultOf(outcome), result));
  }
});

describe('the last minute', () => {
  const fill = (failures: number, successes: number, atMs = 0): ResultWindow => {
    const window = new ResultWindow();
    for (let count = 0; count < failures; count += 1) window.note(true, atMs);
    for (let count = 0; count < successes; count += 1) window.note(false, atMs);
    return window;
  };

  for (const [failures, successes, isBad] of [[9, 0, false], [10, 0, true], [7, 3, true], [6, 4, false], [69, 31, false], [70, 30, true]] as const) {
    test(`with ${failures} of ${failures + successes} failed is ${isBad ? '' : 'not '}bad`, () => assert.equal(fill(failures, successes).isBad, isBad));
  }

  test('forgets after 60 s, and not before 55', () => {
    const window = fill(10, 0, 4_999);
    window.note(true, 59_999);
    assert.equal(window.isBad, true);
    window.note(true, 60_000);
    assert.equal(window.isBad, false);
  });
});

describe('the breaker', () => {
  test('opens for 30 s, then twice as long each time the probe fails, up to 15 min', () => {
    let health: Health = opened();
    const forMs: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      forMs.push(health.breaker.kind === 'open' ? health.breaker.untilMs - round : NaN);
      health = probed(health, 'failure', { nowMs: round + 1 });
    }
    assert.deepEqual(forMs, [30, 60, 120, 240, 480, 900, 900, 900].map((s) => s * 1_000));
  });

  test('hears of nothing but the probe while it is open', () => {
    const health = opened();
    for (const result of ['success', 'answered', 'failure', 'unsent'] as const) assert.equal(afterResult(health, seen(result)).breaker, health.breaker);
  });

  test('begins slowly after a probe that was answered: 1, 2, 4, then as many as the target may have', () => {
    let health = probed(opened(), 'success');
    const places: (number | 'closed')[] = [];
    for (let step = 0; step < 4; step += 1) {
      places.push(health.breaker.kind === 'recovering' ? health.breaker.places : 'closed');
      health = afterResult(health, seen('success'));
    }
    assert.deepEqual(places, [1, 2, 4, 'closed']);
  });

  test('is closed at once for a target that takes one at a time', () => assert.equal(probed(opened(), 'success', { concurrency: 1 }).breaker.kind, 'closed'));

  test('takes an answer for a sign of life, whatever it says, and a blocked address for none', () => {
    assert.equal(probed(opened(), 'answered').breaker.kind, 'recovering');
    assert.equal(probed(opened(), 'unsent').breaker.kind, 'open');
  });

  test('halves the places at a failure of a slow start, and opens for longer when it goes badly', () => {
    const slow = afterResult(afterResult(probed(opened(), 'success'), seen('success')), seen('success'));
    const slower = afterResult(slow, seen('failure'));
    assert.deepEqual([slow.breaker, slower.breaker], [4, 2].map((places) => ({ kind: 'recovering', places, openings: 1 })));
    assert.deepEqual(afterResult(slower, seen('failure', { isBad: true, nowMs: 5 })).breaker, { kind: 'open', untilMs: 5 + 2 * OPEN_MS, openings: 2 });
  });

  test('counts a spell each time it opens on a target that was well, and none for a probe that fails', () => {
    const first = opened();
    const still = probed(first, 'failure');
    const again = afterResult(probed(still, 'success'), seen('failure', { isBad: true }));
    assert.deepEqual([first, still, again].map(({ spells }) => spells), [1, 1, 2]);
  });

  test('switched off, it hears of nothing; switched on, it begins slowly and nothing is held against the target', () => {
    const off = switchedOff(opened(), 'disabled');
    assert.equal(afterResult(off, seen('failure', { isBad: true })), off);
    assert.deepEqual(switchedOn(off), { breaker: { kind: 'recovering', places: 1, openings: 0 }, failingSinceMs: null, failures: 0, spells: 1 });
  });
});

describe('failing', () => {
  const failAt = (health: Health, nowMs: number, result: Result = 'failure'): Health => afterResult(health, seen(result, { nowMs }));

  test('begins at the first failure after a success and ends at a success; a 404 is no success', () => {
    const since = failAt(failAt(failAt(WELL, 5, 'answered'), 6), 7, 'unsent');
    assert.deepEqual([since.failingSinceMs, since.failures], [5, 3]);
    assert.deepEqual(afterResult(since, seen('success')), WELL);
  });

  test('makes a target hopeless after 120 h and 20 failures, not one sooner', () => {
    let health = WELL;
    for (let count = 1; count < HOPELESS_FAILURES; count += 1) health = failAt(health, 0);
    assert.equal(isHopeless(health, HOPELESS_AFTER_MS), false);
    health = failAt(health, 1);
    assert.equal(isHopeless(health, HOPELESS_AFTER_MS - 1), false);
    assert.equal(isHopeless(health, HOPELESS_AFTER_MS), true);
    assert.equal(isHopeless(WELL, HOPELESS_AFTER_MS), false);
  });
});

describe('what is written down', () => {
  const age = (ms: number): { sinceStoredMs: number; nowMs: number } => ({ sinceStoredMs: ms, nowMs: ms });
  const failing: Health = { ...WELL, failingSinceMs: 0, failures: 3 };

  test('each change of the breaker, but not how far a slow start has come', () => {
    const slow = probed(opened(), 'success');
    for (const [before, after, expected] of [[WELL, opened(), true], [opened(), probed(opened(), 'failure', { nowMs: 9 }), true], [opened(), slow, true], [slow, afterResult(slow, seen('success')), false]] as const) {
      assert.equal(isWorthStoring(before, after, age(0)), expected);
    }
  });

  test('a failing once a minute, and no more once it was counted as often as matters', () => {
    assert.equal(isWorthStoring(WELL, failing, age(RECORD_AFTER_MS - 1)), false);
    assert.equal(isWorthStoring(WELL, failing, age(RECORD_AFTER_MS)), true);
    assert.equal(isWorthStoring(failing, { ...failing }, age(10 * RECORD_AFTER_MS)), false);
  });

  test('the end of a failing that is stored, and nothing of one that never was', () => {
    assert.equal(isWorthStoring(failing, WELL, age(0)), true);
    assert.equal(isWorthStoring(WELL, WELL, age(0)), false);
  });
});

/** The rules once more, told from the whole list of what happened. */
interface Model {
  state: 'closed' | 'open' | 'recovering';
  results: { readonly atMs: number; readonly failed: boolean }[];
  openings: number;
  places: number;
  untilMs: number;
}

describe('any course of results', () => {
  const SPAN_MS = 5_000;
  const events = fc.array(fc.record({ result: fc.constantFrom<Result>('success', 'success', 'failure', 'failure', 'failure', 'answered', 'unsent'), afterMs: fc.oneof(fc.nat({ max: 400 }), fc.nat({ max: 40_000 })) }), { maxLength: 300, size: 'max' });

  /** As the model has it, a result counts until the span it fell into is a minute old. */
  function stepModel(model: Model, result: Result, isProbe: boolean, nowMs: number, full: number): void {
    const fine = result === 'success' || result === 'answered';
    if (model.state === 'open') {
      if (isProbe && fine) begin(model, full);
      else if (isProbe) open(model, nowMs);
      return;
    }
    if (result !== 'unsent') model.results.push({ atMs: nowMs, failed: result === 'failure' });
    const recent = model.results.filter(({ atMs }) => Math.floor(nowMs / SPAN_MS) - Math.floor(atMs / SPAN_MS) < 12);
    if (result === 'failure' && recent.length >= 10 && recent.filter(({ failed }) => failed).length / recent.length >= 0.7) open(model, nowMs);
    else if (model.state === 'recovering') grow(model, result, full);
  }

  function open(model: Model, nowMs: number): void {
    model.openings += 1;
    Object.assign(model, { state: 'open', results: [], untilMs: nowMs + Math.min(30_000 * 2 ** (model.openings - 1), 900_000) });
  }

  function begin(model: Model, full: number): void {
    Object.assign(model, { state: 'recovering', results: [], places: 1 });
    if (full <= 1) close(model);
  }

  function grow(model: Model, result: Result, full: number): void {
    model.places = result === 'failure' ? Math.max(1, Math.floor(model.places / 2)) : result === 'unsent' ? model.places : model.places * 2;
    if (model.places >= full) close(model);
  }

  function close(model: Model): void {
    Object.assign(model, { state: 'closed', openings: 0, results: [] });
  }

  test('leads where the model says, with one probe an opening and never a start while it is open', () => {
    fc.assert(fc.property(events, fc.constantFrom(0, 1, 3, 8), (course, concurrency) => {
      const model: Model = { state: 'closed', results: [], openings: 0, places: 0, untilMs: 0 };
      const full = concurrency === 0 ? FULL_PLACES : concurrency;
      const window = new ResultWindow();
      let [health, nowMs] = [WELL, 0];
      for (const { result, afterMs } of course) {
        nowMs += afterMs;
        const { breaker } = health;
        const isProbe = breaker.kind === 'open' && nowMs >= breaker.untilMs;
        if (result !== 'unsent' && breaker.kind !== 'open') window.note(result === 'failure', nowMs);
        const next = afterResult(health, { result, isProbe, isBad: window.isBad, nowMs, concurrency });
        if (next.breaker.kind !== breaker.kind) window.clear();
        stepModel(model, result, isProbe, nowMs, full);
        health = next;
        assert.equal(health.breaker.kind, model.state);
        if (health.breaker.kind === 'open') assert.equal(health.breaker.untilMs, model.untilMs);
        if (health.breaker.kind === 'recovering') assert.deepEqual([health.breaker.places, health.breaker.openings], [model.places, model.openings]);
        if (health.breaker.kind === 'open') assert.ok(health.breaker.untilMs - nowMs <= LONGEST_OPEN_MS && openMsOf(health.breaker.openings) >= OPEN_MS);
      }
    }), { numRuns: 500 });
  });

  test('a success on a target that is well answers the very value it was given', () => assert.equal(afterResult(WELL, seen('success')), WELL));
});
