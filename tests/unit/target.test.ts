/** Which targets want an event. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TargetId } from '../../src/domain/ids.ts';
import { TARGET_DEFAULTS, targetsOfType, wantsType, type Target, type TargetStatus } from '../../src/domain/target.ts';
import { patternFault, wantsSomething } from '../../src/domain/type-pattern.ts';

const target = (eventTypes: readonly string[], changes: Partial<Target> = {}): Target => ({
  id: 'tgt_a' as TargetId,
  url: 'https://receiver.example/hooks',
  eventTypes,
  secrets: [],
  limits: { ratePerSecond: 3, concurrency: 5 },
  timeoutMs: 15_000,
  retry: { scheduleMs: [5_000], maxAttempts: null },
  status: 'active',
  statusReason: null,
  version: 1,
  createdAt: null,
  ...TARGET_DEFAULTS,
  ...changes,
});

describe('a pattern', () => {
  const rows: readonly (readonly [pattern: string, type: string | null, wanted: boolean])[] = [
    ['*', 'order.paid', true],
    ['*', '', true],
    ['*', null, true],
    ['order.paid', 'order.paid', true],
    ['order.paid', 'order.paid.late', false],
    ['order.paid', 'Order.Paid', false],
    ['order.paid', 'orderXpaid', false],
    ['order.paid', null, false],
    ['order.*', 'order.paid', true],
    ['order.*', 'order.paid.late', true],
    ['order.*', 'order', false],
    ['order.*', 'orders.paid', false],
    ['order.*', 'reorder.paid', false],
    ['order.*', null, false],
    ['order*', 'order.paid', false],
    ['*.paid', 'order.paid', false],
    ['', null, false],
    ['*', 'hooktail.target.disabled', false],
    ['*', 'hooktail', true],
    ['*', 'hooktailx.y', true],
    ['hooktail.*', 'hooktail.target.disabled', true],
    ['hooktail.target.*', 'hooktail.target.disabled', true],
    ['hooktail.test', 'hooktail.test', true],
  ];
  for (const [pattern, type, wanted] of rows) {
    test(`${JSON.stringify(pattern)} ${wanted ? 'takes' : 'leaves'} ${JSON.stringify(type)}`, () => assert.equal(wantsType(target([pattern]), type), wanted));
  }

  test('is enough when one of several matches, and none matches nothing', () => {
    assert.equal(wantsType(target(['invoice.*', 'order.paid']), 'order.paid'), true);
    assert.equal(wantsType(target(['invoice.*', 'order.sent']), 'order.paid'), false);
    assert.equal(wantsType(target([]), 'order.paid'), false);
  });
});

const idsOf = (targets: readonly Target[], type: string | null): readonly TargetId[] => targetsOfType(targets, type).map(({ id }) => id);

describe('a negation', () => {
  const rows: readonly (readonly [patterns: readonly string[], type: string | null, wanted: boolean])[] = [
    [['*', '!order.debug'], 'order.debug', false],
    [['*', '!order.debug'], 'order.debug.late', true],
    [['*', '!order.debug'], 'order.paid', true],
    [['*', '!order.debug'], null, true],
    [['!order.debug', '*'], 'order.debug', false],
    [['order.*', '!order.debug.*'], 'order.debug.late', false],
    [['order.*', '!order.debug.*'], 'order.debug', true],
    [['order.debug', '!order.*'], 'order.debug', false],
    [['!order.debug'], 'order.paid', false],
    [['hooktail.*', '!hooktail.test'], 'hooktail.test', false],
    [['*', 'hooktail.*', '!hooktail.test'], 'hooktail.target.disabled', true],
  ];
  for (const [patterns, type, wanted] of rows) {
    test(`${JSON.stringify(patterns)} ${wanted ? 'takes' : 'leaves'} ${JSON.stringify(type)}`, () => assert.equal(wantsType(target(patterns), type), wanted));
  }
});

describe('a pattern is refused', () => {
  for (const pattern of ['', '!', '!!a', '!*', '.*', '*.paid', 'order*', 'a.*.b', '**', 'x'.repeat(257), '\ud800']) {
    test(JSON.stringify(pattern).slice(0, 40), () => assert.notEqual(patternFault(pattern), null));
  }

  test('and not when it can be used', () => {
    for (const pattern of ['*', 'order', 'order.*', '!order.*', '!order', 'hooktail.*', 'ордер.*']) assert.equal(patternFault(pattern), null, pattern);
  });

  test('nor is a list that wants nothing taken for one that does', () => {
    assert.deepEqual([wantsSomething(['!a']), wantsSomething([]), wantsSomething(['!a', 'b'])], [false, false, true]);
  });
});

describe('the targets of an event', () => {
  const all = (status: TargetStatus): Target => target(['*'], { id: `tgt_${status}` as TargetId, status });

  test('are those that want its type, in the order given', () => {
    const second = target(['order.*'], { id: 'tgt_b' as TargetId });
    const third = target(['invoice.*'], { id: 'tgt_c' as TargetId });
    assert.deepEqual(idsOf([target(['*']), second, third], 'order.paid'), ['tgt_a', 'tgt_b']);
    assert.deepEqual(idsOf([target(['*']), second, third], null), ['tgt_a']);
  });

  test('keep a paused and a disabled one, whose backlog waits', () => {
    assert.deepEqual(idsOf([all('active'), all('paused'), all('disabled')], 'x'), ['tgt_active', 'tgt_paused', 'tgt_disabled']);
  });

  test('leave out a deleted one', () => {
    assert.deepEqual(idsOf([all('deleted'), all('paused')], 'x'), ['tgt_paused']);
  });

  test('are none when nobody wants it', () => {
    assert.deepEqual(idsOf([], 'x'), []);
    assert.deepEqual(idsOf([target(['y'])], 'x'), []);
  });
});
