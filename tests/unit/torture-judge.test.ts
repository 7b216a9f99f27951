/** The judgement over a torture run's three ledgers: every way in which they can disagree is seen, and nothing else is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TargetId } from '../../src/domain/ids.ts';
import { TARGET_DEFAULTS, type Target } from '../../src/domain/target.ts';
import { duplicatesAmong } from '../../torture/duplicates.ts';
import { judge, type Judgement } from '../../torture/judge.ts';
import type { Answer, Ledgers, Received, StoredDelivery, StoredEvent } from '../../torture/ledger.ts';
import { longestStall, outsideRests, owedSpans } from '../../torture/stalls.ts';
import { isTooTight, tightestWindow } from '../../torture/windows.ts';

const target = (id: string, ratePerSecond = 0): Target => ({
  id: id as TargetId, url: 'http://127.0.0.1:1', eventTypes: ['*'], secrets: [], limits: { ratePerSecond, concurrency: 0 }, timeoutMs: 1_000,
  retry: { scheduleMs: [1_000, 2_000], maxAttempts: null }, status: 'active', statusReason: null, version: 1, createdAt: null, ...TARGET_DEFAULTS,
});

let seq = 0;
const received = (eventId: string, attempt: number, atMs: number, answer: Answer = 200, targetId = 'tgt_a'): Received => ({ seq: seq++, eventId, targetId, attempt, atMs, fingerprint: 'f', answer, answeredAtMs: answer === null ? null : atMs + 5 });
const event = (id: string, more: Partial<StoredEvent> = {}): StoredEvent => ({ id, key: `key-${id}`, type: 'x', status: 'DELIVERED', pending: false, targetIds: ['tgt_a'], fingerprint: 'f', ...more });
const delivery = (eventId: string, more: Partial<StoredDelivery> = {}): StoredDelivery => ({ id: `${eventId}/tgt_a`, eventId, targetId: 'tgt_a', state: 'delivered', attemptCount: 1, failures: [], reason: null, ...more });
const offer = (id: string | null, atMs = 0): Ledgers['offers'][number] => ({ number: 0, key: `key-${id ?? 'none'}`, type: 'x', accepted: id === null ? null : { id, atMs }, tries: 1 });

const whole: Ledgers = { offers: [offer('e1'), offer('e2')], events: [event('e1'), event('e2')], deliveries: [delivery('e1'), delivery('e2')], received: [received('e1', 1, 10), received('e2', 1, 12)] };

function judged(change: Partial<Ledgers>, allowedDuplicates = 0, targets: readonly Target[] = [target('tgt_a')]): Judgement {
  return judge({ ...whole, ...change }, { targets, allowedDuplicates, startedAtMs: 0, healedAtMs: 50, endedAtMs: 100, thawedAtMs: [], rests: [], lateMs: 0 });
}

test('ledgers that agree are a run in which nothing was lost', () => {
  const { accepted, delivered, lost, duplicates, faults } = judged({});
  assert.deepEqual({ accepted, delivered, lost, duplicates, faults }, { accepted: 2, delivered: 2, lost: 0, duplicates: 0, faults: [] });
});

describe('lost is', () => {
  const cases: readonly (readonly [string, Partial<Ledgers>, RegExp])[] = [
    ['an event that was acknowledged and is not stored', { events: [event('e1')], deliveries: [delivery('e1')], received: [received('e1', 1, 10)] }, /acknowledged and not stored: e2/],
    ['an event whose delivery has no document', { deliveries: [delivery('e1')] }, /no delivery document: e2/],
    ['a delivery that is not settled', { deliveries: [delivery('e1'), delivery('e2', { state: 'waiting' })], events: [event('e1'), event('e2', { status: 'RECEIVED' })] }, /not settled \(waiting\)/],
    ['a delivery that is called delivered, and never got a 2xx', { received: [received('e1', 1, 10), received('e2', 1, 12, 500)] }, /no 2xx was given: e2/],
    ['a delivery that is dead, and was answered 2xx', { deliveries: [delivery('e1'), delivery('e2', { state: 'dead' })], events: [event('e1'), event('e2', { status: 'FAILED_PERMANENTLY' })] }, /dead, and a 2xx was given/],
    ['a delivery that is dead, and was not refused', { deliveries: [delivery('e1'), delivery('e2', { state: 'dead' })], events: [event('e1'), event('e2', { status: 'FAILED_PERMANENTLY' })], received: [received('e1', 1, 10), received('e2', 1, 12, 500)] }, /did not refuse/],
    ['an event with the wrong status word', { events: [event('e1'), event('e2', { status: 'RECEIVED' })] }, /wrong status word: e2 RECEIVED, expected DELIVERED/],
    ['an event that still waits for its fan-out mark', { events: [event('e1'), event('e2', { pending: true })] }, /and pending/],
    ['an event that is owed to the wrong targets', { events: [event('e1'), event('e2', { targetIds: [], status: 'UNROUTED' })], deliveries: [delivery('e1')], received: [received('e1', 1, 10)] }, /wrong targets: e2/],
    ['an event that came with other bytes', { received: [received('e1', 1, 10), { ...received('e2', 1, 12), fingerprint: 'g' }] }, /other bytes: e2/],
  ];
  for (const [what, change, fault] of cases) {
    test(what, () => {
      const { lost, faults } = judged(change);
      assert.equal(lost, 1);
      assert.match(faults.join('\n'), fault);
    });
  }
});

test('an event that was never acknowledged and is stored must be delivered as well', () => {
  const { accepted, unknown, lost } = judged({ offers: [offer('e1'), offer(null)], deliveries: [delivery('e1')] });
  assert.deepEqual({ accepted, unknown, lost }, { accepted: 1, unknown: 1, lost: 1 });
});

test('a delivery that its receiver refused is done with when it is dead', () => {
  const { lost, refused, faults } = judged({ deliveries: [delivery('e1'), delivery('e2', { state: 'dead' })], events: [event('e1'), event('e2', { status: 'FAILED_PERMANENTLY' })], received: [received('e1', 1, 10), received('e2', 1, 12, 400)] });
  assert.deepEqual({ lost, refused, faults }, { lost: 0, refused: 1, faults: [] });
});

test('what was received and is stored nowhere is told, and so is a delivery of no event', () => {
  assert.match(judged({ received: [...whole.received, received('e9', 1, 20)] }).faults.join('\n'), /received and not stored: e9/);
  assert.match(judged({ deliveries: [...whole.deliveries, delivery('e9')] }).faults.join('\n'), /delivery of no event: e9/);
});

test('failures are written in turn: one written after its delivery had moved on is told', () => {
  const after = (...failures: number[]): string => judged({ deliveries: [delivery('e1'), delivery('e2', { failures })] }).faults.join('\n');
  assert.equal(after(1, 2, 3), '');
  assert.equal(after(7, 8), '', 'the oldest attempts are not kept');
  assert.match(after(1, 2, 2), /failures out of turn: e2\/tgt_a \(1 2 2\)/);
  assert.match(after(1, 3), /\(1 3\)/);
});

test('duplicates are counted, and a fault only beyond what is allowed', () => {
  const twice = { received: [...whole.received, received('e1', 1, 30)] };
  assert.equal(judged(twice, 1).duplicates, 1);
  assert.deepEqual(judged(twice, 1).faults, []);
  assert.match(judged(twice, 0).faults.join('\n'), /1 of at most 0/);
});

test('of many faults of one kind the first few are told, and how many more there are', () => {
  const many = Array.from({ length: 8 }, (_, index) => received(`z${index}`, 1, 20 + index));
  assert.match(judged({ received: [...whole.received, ...many] }).faults.join('\n'), /z0.*z4\/tgt_a and 3 more/);
});

describe('a duplicate is', () => {
  const cases: readonly (readonly [string, readonly Received[], number])[] = [
    ['no attempt with a number of its own', [received('e', 1, 0, 500), received('e', 2, 100, 200)], 0],
    ['a request after a 2xx', [received('e', 1, 0, 200), received('e', 2, 100, 200)], 1],
    ['no quick retry after the receiver cut the connection', [received('e', 1, 0, 'reset'), received('e', 1, 100, 'reset'), received('e', 1, 300, 200)], 0],
    ['an attempt made again although it was answered', [received('e', 1, 0, 500), received('e', 1, 100, 200)], 1],
    ['an attempt made again because its sender left', [received('e', 1, 0, 'gone'), received('e', 1, 100, 200)], 1],
    ['a second request while the first is not answered', [{ ...received('e', 1, 0, 200), answeredAtMs: 500 }, received('e', 1, 100, 200)], 1],
    ['an attempt that goes behind a later one', [received('e', 2, 0, 500), received('e', 1, 100, 500)], 1],
    ['counted for each request', [received('e', 1, 0, 200), received('e', 1, 100, 200), received('e', 1, 200, 200)], 2],
  ];
  for (const [what, requests, count] of cases) test(what, () => assert.equal(duplicatesAmong(requests).length, count));
});

describe('a stall', () => {
  test('is the time without a request while something was owed, and no longer', () => {
    const owed = [{ fromMs: 10, untilMs: 200 }, { fromMs: 150, untilMs: 900 }];
    assert.equal(longestStall('t', owed, [200, 900], [0, 1_000]).ms, 700);
    assert.equal(longestStall('t', owed, [200, 900], [0, 150]).ms, 140);
    assert.equal(longestStall('t', owed, [200, 900], [850, 1_000]).ms, 50);
  });

  test('does not count time in which nothing was owed', () => {
    assert.equal(longestStall('t', [{ fromMs: 0, untilMs: 10 }, { fromMs: 900, untilMs: 930 }], [10, 930], [0, 2_000]).ms, 30);
  });

  test('goes on to the end for what never comes', () => {
    assert.deepEqual(longestStall('t', [{ fromMs: 100, untilMs: Infinity }], [], [0, 1_000]), { ms: 900, targetId: 't', fromMs: 100 });
  });

  test('ends when anything comes to the target, though more is owed', () => {
    assert.equal(longestStall('t', [{ fromMs: 0, untilMs: 1_000 }, { fromMs: 0, untilMs: 400 }, { fromMs: 0, untilMs: 700 }], [400, 700, 1_000], [0, 1_000]).ms, 400);
  });

  test('leaves out the time in which the breaker was open, and none beside it', () => {
    const spans = [{ fromMs: 0, untilMs: 100 }, { fromMs: 50, untilMs: 400 }, { fromMs: 120, untilMs: 180 }];
    assert.deepEqual(outsideRests(spans, [{ targetId: 't', fromMs: 80, untilMs: 200 }]), [{ fromMs: 0, untilMs: 80 }, { fromMs: 50, untilMs: 80 }, { fromMs: 200, untilMs: 400 }]);
  });

  test('of a retry begins when the retry is due at the latest, and a crash leaves it owed at once', () => {
    const spans = owedSpans(0, [received('e', 1, 10, 500), received('e', 2, 9_000, 'gone'), received('e', 2, 9_500)], [1_000]);
    assert.deepEqual(spans, [{ fromMs: 0, untilMs: 10 }, { fromMs: 15 + 1_200 + 1_000, untilMs: 9_000 }, { fromMs: 9_005, untilMs: 9_500 }]);
  });
});

describe('a limit of 3/s', () => {
  test('is kept when the fourth request comes a second after the first, within what the way may differ by', () => {
    assert.equal(tightestWindow([0, 340, 680, 1_020, 1_350], 3).ms, 1_010);
    assert.ok(!isTooTight(tightestWindow([0, 340, 680, 990], 3)), 'expected 990 ms to be within the tolerance');
  });

  test('is given twice what a busy machine is late by', () => {
    assert.ok(isTooTight(tightestWindow([0, 340, 680, 890], 3), 40), 'expected 890 ms to be too tight at 40 ms');
    assert.ok(!isTooTight(tightestWindow([0, 340, 680, 890], 3), 60), 'expected 890 ms to be within the tolerance at 60 ms');
  });

  test('is broken when four come in less', () => {
    assert.ok(isTooTight(tightestWindow([0, 340, 680, 700], 3)), 'expected 700 ms to be too tight');
    const limited = { targets: [target('tgt_a', 3)], received: [0, 340, 680, 700].map((atMs) => received('e1', 1, atMs)) };
    assert.match(judged({ received: limited.received }, 9, limited.targets).faults.join('\n'), /limit in one second: tgt_a, 700 ms/);
  });

  test('says nothing of fewer requests, nor of the moment after a freeze', () => {
    assert.equal(tightestWindow([0, 1, 2], 3).ms, Infinity);
    assert.equal(tightestWindow([0, 340, 680, 700], 3, [690]).ms, Infinity);
  });
});
