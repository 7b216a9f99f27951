/** One call feeds every listener, and none of them can hurt the caller. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTelemetry } from '../../src/runtime/telemetry.ts';

describe('telemetry', () => {
  test('tells every listener the name and the very fields that were emitted', () => {
    const telemetry = createTelemetry();
    const heard: unknown[] = [];
    telemetry.listen((name, fields) => void heard.push(['first', name, fields]));
    telemetry.listen((name, fields) => void heard.push(['second', name, fields]));
    telemetry.emit('timer.fired', { count: 3 });
    assert.deepEqual(heard, [['first', 'timer.fired', { count: 3 }], ['second', 'timer.fired', { count: 3 }]]);
  });

  test('goes on past a listener that throws: the caller and the other listeners do not notice', () => {
    const telemetry = createTelemetry();
    const heard: string[] = [];
    telemetry.listen(() => {
      throw new Error('broken listener');
    });
    telemetry.listen((name) => void heard.push(name));
    telemetry.emit('timer.fired', { count: 1 });
    telemetry.emit('delivery.parked', { count: 1 });
    assert.deepEqual(heard, ['timer.fired', 'delivery.parked']);
  });

  test('no longer tells a listener that was removed, and removing it twice is harmless', () => {
    const telemetry = createTelemetry();
    const heard: string[] = [];
    const remove = telemetry.listen((name) => void heard.push(name));
    telemetry.listen((name) => void heard.push(`other ${name}`));
    remove();
    remove();
    telemetry.emit('timer.fired', { count: 1 });
    assert.deepEqual(heard, ['other timer.fired']);
  });

  test('lets a listener remove itself while it is being told', () => {
    const telemetry = createTelemetry();
    const heard: string[] = [];
    const remove = telemetry.listen(() => {
      heard.push('once');
      remove();
    });
    telemetry.listen(() => void heard.push('always'));
    telemetry.emit('timer.fired', { count: 1 });
    telemetry.emit('timer.fired', { count: 2 });
    assert.deepEqual(heard, ['once', 'always', 'always']);
  });

  test('with nobody listening is nothing at all', () => {
    createTelemetry().emit('timer.fired', { count: 1 });
  });

  test('of one system is not heard by another', () => {
    const [one, other] = [createTelemetry(), createTelemetry()];
    const heard: string[] = [];
    one.listen((name) => void heard.push(name));
    other.emit('timer.fired', { count: 1 });
    assert.deepEqual(heard, []);
  });
});
