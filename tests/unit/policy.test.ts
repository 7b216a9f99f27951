/** Outcome → verdict: the whole table, row by row, and what holds for every row of it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isQuicklyRetryable, isSuccess, recordAttempt, type NetworkFault, type Outcome } from '../../src/domain/attempt.ts';
import { attemptsAllowed, JITTER, OVERLOAD_FLOOR_MS, scheduledDelayMs, STANDARD_SCHEDULE_MS } from '../../src/domain/backoff.ts';
import { CLIENT_ERROR_MAX_ATTEMPTS, verdictOf, type Verdict, type VerdictContext } from '../../src/domain/policy.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const NETWORK_FAULTS: readonly NetworkFault[] = ['dns', 'refused', 'reset', 'connect_timeout', 'tls', 'bad_response', 'other'];

const answered = (status: number, retryAfter: string | null = null): Outcome => ({ kind: 'answered', status, retryAfter, excerpt: '' });
const timeout: Outcome = { kind: 'timeout', detail: 'no headers within 15 s' };

/** The first attempt of ten, and a random number that leaves delays as they are. */
const context = (changes: Partial<VerdictContext> = {}): VerdictContext => ({
  policy: { scheduleMs: STANDARD_SCHEDULE_MS, maxAttempts: null }, number: 1, nowMs: NOW_MS, random: 0.5, ...changes,
});

const retry = (delayMs: number, holdLaneMs: number | null = null): Verdict => ({ kind: 'retry', delayMs, holdLaneMs });
const dead = (reason: string, holdLaneMs: number | null = null): Verdict => ({ kind: 'dead', reason, disableTarget: false, holdLaneMs });

describe('the verdict on a first attempt', () => {
  const rows: readonly (readonly [outcome: Outcome, expected: Verdict])[] = [
    ...[200, 201, 202, 204, 206, 299].map((status) => [answered(status), { kind: 'delivered' }] as const),
    ...[300, 301, 302, 304, 307, 308, 399].map((status) => [answered(status), retry(5_000)] as const),
    ...[400, 401, 403, 404, 405, 409, 411, 413, 422, 451, 499].map((status) => [answered(status), retry(5_000)] as const),
    ...[408, 425, 500, 501, 503, 505, 507, 520, 599].map((status) => [answered(status), retry(5_000)] as const),
    ...[429, 502, 504].map((status) => [answered(status), retry(OVERLOAD_FLOOR_MS)] as const),
    [answered(410), { kind: 'dead', reason: 'gone: the receiver answered 410', disableTarget: true, holdLaneMs: null }],
    [timeout, retry(OVERLOAD_FLOOR_MS)],
    ...NETWORK_FAULTS.map((fault) => [{ kind: 'network', fault, detail: 'x' }, retry(5_000)] as const),
    [{ kind: 'blocked', detail: '10.0.0.1 is private' }, dead('blocked: 10.0.0.1 is private')],
    [{ kind: 'cut' }, { kind: 'released' }],
  ];
  for (const [outcome, expected] of rows) {
    const label = 'status' in outcome ? outcome.status : 'fault' in outcome ? `network ${outcome.fault}` : outcome.kind;
    test(`${label} → ${expected.kind}${expected.kind === 'retry' ? ` in ${expected.delayMs / 1_000} s` : ''}`, () => {
      assert.deepEqual(verdictOf(outcome, context()), expected);
    });
  }
});

describe('the number of attempts', () => {
  const lasting = [answered(408), answered(425), answered(429), answered(500), answered(503), timeout, { kind: 'network', fault: 'reset', detail: 'x' } as const];
  for (const outcome of lasting) {
    const label = 'status' in outcome ? `status ${outcome.status}` : outcome.kind;
    test(`${label} is tried as often as the schedule says, and then no more`, () => {
      const kinds = Array.from({ length: 11 }, (_, index) => verdictOf(outcome, context({ number: index + 1 })).kind);
      assert.deepEqual(kinds, [...Array<string>(9).fill('retry'), 'dead', 'dead']);
      const last = verdictOf(outcome, context({ number: 10 }));
      assert.match(last.kind === 'dead' ? last.reason : '', /^exhausted: .*, 10 attempts$/);
    });
  }

  for (const status of [301, 400, 404]) {
    test(`status ${status} is dead after ${CLIENT_ERROR_MAX_ATTEMPTS} attempts`, () => {
      const kinds = [1, 2, 3, 4, 5].map((number) => verdictOf(answered(status), context({ number })).kind);
      assert.deepEqual(kinds, ['retry', 'retry', 'retry', 'dead', 'dead']);
      assert.deepEqual(verdictOf(answered(status), context({ number: 4 })), dead(`refused: status ${status}, 4 attempts`));
    });
  }

  test('a target that allows fewer attempts than four ends a 404 sooner', () => {
    const policy = { scheduleMs: [1_000], maxAttempts: null };
    assert.deepEqual(verdictOf(answered(404), context({ policy, number: 2 })), dead('exhausted: status 404, 2 attempts'));
  });

  test('a success counts on any attempt, past the last one too', () => {
    for (const number of [1, 4, 10, 11]) assert.deepEqual(verdictOf(answered(200), context({ number })), { kind: 'delivered' });
  });
});

describe('Retry-After', () => {
  for (const status of [429, 503]) {
    test(`on ${status} holds the whole lane and puts the retry off as long`, () => {
      assert.deepEqual(verdictOf(answered(status, '120'), context()), retry(120_000, 120_000));
      assert.deepEqual(verdictOf(answered(status, 'Thu, 01 Jan 2026 00:03:00 GMT'), context()), retry(180_000, 180_000));
    });

    test(`on ${status} never brings the retry earlier than the schedule`, () => {
      assert.deepEqual(verdictOf(answered(status, '1'), context({ number: 2 })), retry(300_000, 1_000));
    });

    test(`on ${status} is cut to a day`, () => {
      assert.deepEqual(verdictOf(answered(status, '999999'), context()), retry(DAY_MS, DAY_MS));
    });

    test(`on ${status} holds the lane even when this delivery is given up`, () => {
      assert.deepEqual(verdictOf(answered(status, '120'), context({ number: 10 })), dead(`exhausted: status ${status}, 10 attempts`, 120_000));
    });

    test(`on ${status} that cannot be read holds nothing`, () => {
      for (const header of ['0', '-1', 'later', '', 'Thu, 01 Jan 2015 00:00:00 GMT']) {
        const verdict = verdictOf(answered(status, header), context());
        assert.deepEqual(verdict, retry(status === 429 ? OVERLOAD_FLOOR_MS : 5_000), header);
      }
    });
  }

  test('is not a wish of other answers', () => {
    assert.deepEqual(verdictOf(answered(500, '120'), context()), retry(5_000));
    assert.deepEqual(verdictOf(answered(404, '120'), context()), retry(5_000));
    assert.deepEqual(verdictOf(answered(200, '120'), context()), { kind: 'delivered' });
  });
});

test('whoever sets only short delays gets short delays, overloaded or not', () => {
  const policy = { scheduleMs: [100, 200], maxAttempts: null };
  for (const outcome of [timeout, answered(429), answered(502), answered(504)]) assert.deepEqual(verdictOf(outcome, context({ policy })), retry(100));
});

test('the overload floor holds against the jitter', () => {
  const policy = { scheduleMs: [OVERLOAD_FLOOR_MS], maxAttempts: null };
  assert.deepEqual(verdictOf(timeout, context({ policy, random: 0 })), retry(OVERLOAD_FLOOR_MS));
});

describe('for any outcome under any retry policy', () => {
  const retryAfter = fc.oneof(fc.constant(null), fc.nat({ max: 200_000 }).map(String), fc.string());
  const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
    fc.record({ kind: fc.constant('answered' as const), status: fc.integer({ min: 100, max: 999 }), retryAfter, excerpt: fc.string() }),
    fc.record({ kind: fc.constant('timeout' as const), detail: fc.string() }),
    fc.record({ kind: fc.constant('network' as const), fault: fc.constantFrom(...NETWORK_FAULTS), detail: fc.string() }),
    fc.record({ kind: fc.constant('blocked' as const), detail: fc.string() }),
    fc.constant({ kind: 'cut' as const }),
  );
  const contexts: fc.Arbitrary<VerdictContext> = fc.record({
    policy: fc.record({
      scheduleMs: fc.array(fc.integer({ min: 1, max: 7 * DAY_MS }), { maxLength: 50 }),
      maxAttempts: fc.option(fc.integer({ min: 1, max: 100 })),
    }),
    number: fc.integer({ min: 1, max: 120 }),
    nowMs: fc.integer({ min: 0, max: 4e12 }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  const always = (check: (verdict: Verdict, outcome: Outcome, context: VerdictContext) => void): void =>
    fc.assert(fc.property(outcomes, contexts, (outcome, given) => check(verdictOf(outcome, given), outcome, given)), { numRuns: 2_000 });

  test('nothing is tried again once the attempts allowed are used up', () => {
    always((verdict, _, { policy, number }) => assert.ok(verdict.kind !== 'retry' || number < attemptsAllowed(policy)));
  });

  test('a retry waits a finite time, never less than the lane is held', () => {
    always((verdict) => {
      if (verdict.kind !== 'retry') return;
      assert.ok(Number.isInteger(verdict.delayMs) && verdict.delayMs >= 0, `got ${verdict.delayMs}`);
      assert.ok(verdict.delayMs >= (verdict.holdLaneMs ?? 0));
    });
  });

  test('a retry is never sooner than its scheduled delay less the jitter, nor later than that, the floor and the hold explain', () => {
    always((verdict, _, { policy, number }) => {
      if (verdict.kind !== 'retry') return;
      const plain = scheduledDelayMs(policy, number) ?? NaN;
      assert.ok(verdict.delayMs >= plain * (1 - JITTER) - 0.5);
      assert.ok(verdict.delayMs <= Math.max(plain * (1 + JITTER) + 0.5, OVERLOAD_FLOOR_MS, verdict.holdLaneMs ?? 0));
    });
  });

  test('delivered means a 2xx, released means cut, and a disabled target means 410: each both ways', () => {
    always((verdict, outcome) => {
      assert.equal(verdict.kind === 'delivered', isSuccess(outcome));
      assert.equal(verdict.kind === 'released', outcome.kind === 'cut');
      assert.equal(verdict.kind === 'dead' && verdict.disableTarget, outcome.kind === 'answered' && outcome.status === 410);
    });
  });
});

describe('a quick retry', () => {
  test('is worth while only when not one byte of a response came', () => {
    const quick = NETWORK_FAULTS.filter((fault) => isQuicklyRetryable({ kind: 'network', fault, detail: '' }));
    assert.deepEqual(quick, ['dns', 'refused', 'reset', 'connect_timeout']);
    for (const outcome of [answered(200), answered(503), timeout, { kind: 'blocked', detail: '' } as const, { kind: 'cut' } as const]) assert.equal(isQuicklyRetryable(outcome), false);
  });
});

describe('the record of an attempt', () => {
  const timing = { number: 2, quickRetry: 1, at: new Date(NOW_MS), durationMs: 12 };

  test('keeps the answer, its excerpt and our note on it', () => {
    const outcome = { kind: 'answered', status: 500, retryAfter: null, excerpt: 'oops', note: 'response cut at 16 KiB' } as const;
    assert.deepEqual(recordAttempt(timing, outcome), { ...timing, outcome: 'answered', status: 500, error: 'response cut at 16 KiB', responseExcerpt: 'oops' });
  });

  test('says nothing where there is nothing to say', () => {
    assert.deepEqual(recordAttempt(timing, { kind: 'answered', status: 204, retryAfter: null, excerpt: '' }), { ...timing, outcome: 'answered', status: 204, error: null, responseExcerpt: null });
  });

  test('names what went wrong when no answer came', () => {
    assert.equal(recordAttempt(timing, { kind: 'network', fault: 'dns', detail: 'ENOTFOUND' }).error, 'dns: ENOTFOUND');
    assert.equal(recordAttempt(timing, { kind: 'timeout', detail: 'no headers' }).error, 'timeout: no headers');
    assert.equal(recordAttempt(timing, { kind: 'blocked', detail: 'private' }).error, 'blocked: private');
  });
});
