/** Telemetry as lines: which are written at which level, in which form, and what never stands in them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EventId, TargetId } from '../../src/domain/ids.ts';
import { describeFault, FatalError, HooktailError, messageOf, scrubUris } from '../../src/runtime/errors.ts';
import { LOG_LEVELS, logTelemetry, type LoggerOptions } from '../../src/runtime/logger.ts';
import { createTelemetry, type Telemetry } from '../../src/runtime/telemetry.ts';

const TARGET = 'tgt_default' as TargetId;

function logging(options: Partial<LoggerOptions> = {}): { readonly telemetry: Telemetry; readonly lines: string[]; readonly stop: () => void } {
  const telemetry = createTelemetry();
  const lines: string[] = [];
  const now = (): Date => new Date(Date.UTC(2026, 0, 1, 12, 34, 56, 789));
  const stop = logTelemetry(telemetry, { level: 'debug', format: 'json', name: 'processor', write: (line) => void lines.push(line), now, ...options });
  return { telemetry, lines, stop };
}

const parsed = (line: string | undefined): unknown => JSON.parse(line ?? '');

/** One of each weight: debug, info, warn, error. */
function emitOneOfEach(telemetry: Telemetry): void {
  telemetry.emit('timer.fired', { count: 1 });
  telemetry.emit('lane.taken', { targetId: TARGET, term: 4 });
  telemetry.emit('history.lost', { error: 'the place is gone' });
  telemetry.emit('process.failed', { error: 'no primary' });
}

describe('the level', () => {
  const written: Readonly<Record<(typeof LOG_LEVELS)[number], readonly string[]>> = {
    debug: ['debug', 'info', 'warn', 'error'],
    info: ['info', 'warn', 'error'],
    warn: ['warn', 'error'],
    error: ['error'],
    silent: [],
  };
  for (const level of LOG_LEVELS) {
    test(`${level} writes ${written[level].join(', ') || 'nothing'}`, () => {
      const { telemetry, lines } = logging({ level });
      emitOneOfEach(telemetry);
      assert.deepEqual(lines.map((line) => (parsed(line) as { level: string }).level), written[level]);
    });
  }

  test('of what happens once an event is debug, so that info stays readable under load', () => {
    const { telemetry, lines } = logging({ level: 'info' });
    telemetry.emit('event.accepted', { requestId: null, eventId: 'evt_x' as EventId, type: 'order.paid', duplicate: false });
    telemetry.emit('stream.batchRead', { changes: 500 });
    assert.deepEqual(lines, []);
  });
});

describe('a JSON line', () => {
  test('is one object with time, level, process, event and the fields', () => {
    const { telemetry, lines } = logging();
    telemetry.emit('lane.taken', { targetId: TARGET, term: 4 });
    assert.deepEqual(lines.map(parsed), [{ time: '2026-01-01T12:34:56.789Z', level: 'info', process: 'processor', event: 'lane.taken', targetId: 'tgt_default', term: 4 }]);
  });

  test('stays one line and readable whatever an error text holds', () => {
    const error = 'first\nsecond\r\n{"a":"b"} \u2028 "quoted" \\ \u0000 \ud800';
    const { telemetry, lines } = logging();
    telemetry.emit('process.failed', { error });
    assert.equal(lines.length, 1);
    assert.ok(!/[\r\n]/.test(lines[0] ?? ''));
    assert.equal((parsed(lines[0]) as { error: string }).error, error);
  });

  test('stays readable JSON when an address in one field is followed by an @ in another', () => {
    const { telemetry, lines } = logging();
    telemetry.emit('session.lost', { member: 'http://a', sessionId: 'b@c', reason: 'expiry' });
    assert.deepEqual(parsed(lines[0]), { time: '2026-01-01T12:34:56.789Z', level: 'warn', process: 'processor', event: 'session.lost', member: 'http://a', sessionId: 'b@c', reason: 'expiry' });
  });
});

describe('a line for people', () => {
  test('is the time of day, the process, the event and its fields', () => {
    const { telemetry, lines } = logging({ format: 'pretty' });
    telemetry.emit('lane.taken', { targetId: TARGET, term: 4 });
    assert.deepEqual(lines, ['12:34:56.789  processor  lane.taken targetId=tgt_default term=4']);
  });

  test('shouts when it is a warning or an error', () => {
    const { telemetry, lines } = logging({ format: 'pretty', level: 'warn' });
    emitOneOfEach(telemetry);
    assert.match(lines[0] ?? '', /WARN history\.lost/);
    assert.match(lines[1] ?? '', /ERROR process\.failed/);
  });

  test('leaves out what is not there', () => {
    const { telemetry, lines } = logging({ format: 'pretty' });
    telemetry.emit('event.accepted', { requestId: null, eventId: 'evt_x' as EventId, type: null, duplicate: false });
    assert.ok(!lines.join('').includes('type='));
  });

  test('after a crash says in a sentence where the stream goes on', () => {
    const { telemetry, lines } = logging({ format: 'pretty' });
    telemetry.emit('stream.opened', { from: 'token', ageMs: 41_240 });
    telemetry.emit('stream.opened', { from: 'now', ageMs: null });
    telemetry.emit('stream.caughtUp', { changes: 9, offered: 1, tookMs: 1_550 });
    telemetry.emit('stream.caughtUp', { changes: 9, offered: 7, tookMs: 40 });
    assert.match(lines[0] ?? '', /resumed from a stored position 41\.2 s old/);
    assert.match(lines[1] ?? '', /watching events from now/);
    assert.match(lines[2] ?? '', /caught up 1 event in 1\.[56] s/);
    assert.match(lines[3] ?? '', /caught up 7 events in 0\.0 s/);
  });
});

test('logging ends when it is told to', () => {
  const { telemetry, lines, stop } = logging();
  stop();
  emitOneOfEach(telemetry);
  assert.deepEqual(lines, []);
});

test('a log that cannot be written does not disturb the work', () => {
  const { telemetry } = logging({ write: () => {
    throw new Error('disk full');
  } });
  emitOneOfEach(telemetry);
});

describe('credentials in an address', () => {
  const secret = 'hunter2';
  const addresses = [
    `mongodb://user:${secret}@db.example:27017/?replicaSet=rs0`,
    `mongodb+srv://user:${secret}@cluster.example/app`,
    `https://user:${secret}@receiver.example/hooks`,
    `MONGODB://user:${secret}@db.example`,
    // Passwords that should have been escaped and were not: these are the very addresses that end up in an error text.
    `mongodb://user:p@${secret}@db.example/app`,
    `mongodb://user:p/${secret}@db.example/app`,
    `mongodb://user:p"${secret}@db.example/app`,
  ];
  for (const format of ['json', 'pretty'] as const) {
    for (const address of addresses) {
      test(`never reach a ${format} line: ${address}`, () => {
        const { telemetry, lines } = logging({ format });
        telemetry.emit('process.failed', { error: `cannot reach ${address} within 2 s` });
        assert.equal(lines.length, 1);
        assert.ok(!lines.join('').includes(secret), lines[0]);
        assert.ok(lines.join('').includes('example'), 'the host is what the operator needs');
      });
    }
  }

  test('are taken out of every address of a text, and a text without any stays as it is', () => {
    assert.equal(scrubUris('a mongodb://u:p@h1/x b https://u:p@h2/y c'), 'a mongodb://***@h1/x b https://***@h2/y c');
    for (const text of ['', 'mail to a@b.example', 'http://h:80/a@b', 'mongodb://h1:1,h2:2/?replicaSet=rs0', 'no address']) assert.equal(scrubUris(text), text);
  });
});

describe('a fault', () => {
  test('is told with its fix, and without credentials', () => {
    const fault = new FatalError('bad_uri', 'Cannot use mongodb://u:p@h', { fix: 'use mongodb://host' });
    assert.equal(describeFault(fault), 'Cannot use mongodb://***@h. Fix: use mongodb://host');
    assert.equal(describeFault(new HooktailError('x', 'Plain')), 'Plain');
    assert.equal(describeFault('thrown text'), 'thrown text');
  });

  test('keeps its code, its name and its cause', () => {
    const cause = new Error('root');
    const fault = new FatalError('a_code', 'Message', { cause });
    assert.ok(fault instanceof HooktailError && fault instanceof Error);
    assert.deepEqual([fault.code, fault.name, fault.cause, fault.fix], ['a_code', 'FatalError', cause, null]);
  });

  test('has a text whatever was thrown', () => {
    for (const thrown of [undefined, null, 0, 'text', Symbol('s'), { a: 1 }, new Error('e')]) assert.equal(typeof messageOf(thrown), 'string');
  });
});
