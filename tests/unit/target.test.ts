/** Which targets want an event. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TargetId } from '../../src/domain/ids.ts';
import { resolveTargets, wantsType, type Target, type TargetStatus } from '../../src/domain/target.ts';

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

describe('the targets of an event', () => {
  const all = (status: TargetStatus): Target => target(['*'], { id: `tgt_${status}` as TargetId, status });

  test('are those that want its type, in the order given', () => {
    const second = target(['order.*'], { id: 'tgt_b' as TargetId });
    const third = target(['invoice.*'], { id: 'tgt_c' as TargetId });
    assert.deepEqual(resolveTargets([target(['*']), second, third], 'order.paid'), ['tgt_a', 'tgt_b']);
    assert.deepEqual(resolveTargets([target(['*']), second, third], null), ['tgt_a']);
  });

  test('keep a paused and a disabled one, whose backlog waits', () => {
    assert.deepEqual(resolveTargets([all('active'), all('paused'), all('disabled')], 'x'), ['tgt_active', 'tgt_paused', 'tgt_disabled']);
  });

  test('are none when nobody wants it', () => {
    assert.deepEqual(resolveTargets([], 'x'), []);
    assert.deepEqual(resolveTargets([target(['y'])], 'x'), []);
  });
});
