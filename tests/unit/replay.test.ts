/** The replay tool without a database: how its command line is read, ids and times, pages and limits, counting and telling. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { deliveryIdOf, newEventId, type EventId, type TargetId } from '../../src/domain/ids.ts';
import { TARGET_DEFAULTS, type Target } from '../../src/domain/target.ts';
import type { SettledDelivery } from '../../src/store/replay.ts';
import { runToEnd, type ToolContext } from '../../tools/cli/context.ts';
import { replayCommand } from '../../tools/replay/command.ts';
import { idBoundAt, timeOfEvent } from '../../tools/replay/id-time.ts';
import { readArguments, readMoment, type ReplayValues } from '../../tools/replay/options.ts';
import { warningsFor } from '../../tools/replay/plan.ts';
import { runLines, tallyLines } from '../../tools/replay/report.ts';
import { RunProgress } from '../../tools/replay/run.ts';
import { chunks, visitPages } from '../../tools/replay/search.ts';
import { Tally } from '../../tools/replay/tally.ts';
import { FakeClock } from '../support/fake-clock.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const ONE = 'tgt_one' as TargetId;
const TWO = 'tgt_two' as TargetId;

const boundIn = (unixMs: number): EventId => `${idBoundAt(unixMs)}0000000000000000` as EventId;

function dead({ eventId = newEventId(NOW_MS), targetId = ONE, reason = 'exhausted: status 500, 10 attempts' }: { eventId?: EventId; targetId?: TargetId; reason?: string } = {}): SettledDelivery {
  return { id: deliveryIdOf(eventId, targetId), eventId, targetId, generation: 0, attemptCount: 10, attempts: [], state: 'dead', settledAt: new Date(NOW_MS), reason };
}

const target = (id: TargetId, status: Target['status'], statusReason: string | null = null): Target => ({
  id, url: 'http://127.0.0.1/', eventTypes: ['*'], secrets: [], limits: { ratePerSecond: 0, concurrency: 0 }, timeoutMs: 1_000, retry: { scheduleMs: [1_000], maxAttempts: null }, status, statusReason, version: 1, createdAt: null, ...TARGET_DEFAULTS,
});

async function run(argv: readonly string[], environment: ToolContext['environment'] = {}): Promise<{ readonly code: number; readonly lines: readonly string[]; readonly notes: readonly string[] }> {
  const [lines, notes]: [string[], string[]] = [[], []];
  const context: ToolContext = {
    argv, environment,
    folder: '/nowhere',
    clock: new FakeClock(),
    random: () => 0.5,
    signal: new AbortController().signal,
    out: (line) => lines.push(line),
    note: (line) => notes.push(line),
    progress: () => undefined,
    paint: (_colour, text) => text,
    readStdin: () => Promise.resolve(Buffer.alloc(0)),
  };
  return { code: await runToEnd(replayCommand, context), lines, notes };
}

function valuesOf(argv: readonly string[]): ReplayValues {
  const parsed = readArguments(argv);
  assert.ok(parsed.kind === 'run');
  return parsed.values;
}

describe('the time in an id', () => {
  const times = fc.integer({ min: 0, max: 2 ** 48 - 2 });

  test('is the one it was made at', () => {
    assert.equal(timeOfEvent(newEventId(NOW_MS)).getTime() >= NOW_MS, true);
    fc.assert(fc.property(times, (ms) => assert.equal(timeOfEvent(boundIn(ms)).getTime(), ms)));
  });

  test('bounds a range: not later than ids of that millisecond, later than all before', () => {
    fc.assert(fc.property(times, (ms) => {
      const last = `${idBoundAt(ms)}ZZZZZZZZZZZZZZZZ`;
      assert.ok(idBoundAt(ms) < boundIn(ms) && last < idBoundAt(ms + 1));
      assert.ok(idBoundAt(ms) < deliveryIdOf(boundIn(ms), ONE) && deliveryIdOf(last as EventId, ONE) < idBoundAt(ms + 1));
    }));
  });

  test('agrees with the ids of the system', () => {
    const id = newEventId(NOW_MS + 5_000_000_000);
    assert.ok(id.startsWith(idBoundAt(NOW_MS + 5_000_000_000)));
  });

  test('outside of what an id can hold is cut to it', () => {
    assert.equal(idBoundAt(-5), `evt_${'0'.repeat(10)}`);
    assert.equal(idBoundAt(Number.MAX_SAFE_INTEGER), `evt_7${'Z'.repeat(9)}`);
  });
});

describe('a moment', () => {
  test('is a duration ago or a time with its zone', () => {
    assert.deepEqual(readMoment('10m'), { ok: true, value: { kind: 'ago', ms: 600_000 } });
    assert.deepEqual(readMoment('2h'), { ok: true, value: { kind: 'ago', ms: 7_200_000 } });
    for (const text of ['2026-01-01T00:00:00Z', '2026-01-01t00:00:00.000z', '2026-01-01T01:00:00+01:00']) assert.deepEqual(readMoment(text), { ok: true, value: { kind: 'at', unixMs: NOW_MS } }, text);
  });

  test('is nothing else', () => {
    for (const text of ['', 'yesterday', '2026-01-01', '2026-01-01T00:00:00', '2026-13-01T00:00:00Z', '10', '-5m', '10 m', '1e3s']) assert.equal(readMoment(text).ok, false, text);
  });
});

describe('the command line', () => {
  const event = newEventId(NOW_MS);
  const delivery = deliveryIdOf(event, ONE);

  test('takes ids in any place, and tells them from the values of options', () => {
    const cases = [[event, '--yes', delivery, '--limit', '5'], ['--limit=5', event, delivery, '--yes'], ['--yes', '--limit', '5', '--', event, delivery]];
    for (const argv of cases) {
      const { ids } = readArguments(argv);
      assert.deepEqual(ids, [{ kind: 'event', id: event }, { kind: 'delivery', id: delivery }], argv.join(' '));
      assert.deepEqual([valuesOf(argv).limit, valuesOf(argv).yes], [5, true]);
    }
    assert.deepEqual([valuesOf(['--type', event]).type, readArguments(['--type', event]).ids], [event, []]);
  });

  test('plans for a thousand dead deliveries when nothing is said', () => {
    assert.deepEqual(valuesOf([]), { status: 'dead', target: null, type: null, since: null, until: null, limit: 1_000, rate: null, yes: false, force: false, wait: false, timeout: 60_000, json: false });
  });

  test('refuses what it cannot read, by name, before it connects', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['evt_1'], /expected an id such as evt_… or evt_…\/tgt_…, got "evt_1"/],
      [[event.toLowerCase()], /expected an id/],
      [['--status', 'waiting'], /--status: expected one of dead, delivered, got "waiting"/],
      [['--target', 'one', '--since', 'soon', '--limit', '0'], /--target: [^]*--since: [^]*--limit: /],
      [['--wait'], /--wait: expected together with --yes/],
      [['--dry-run'], /Unknown option '--dry-run'/],
      [['--yes=no'], /--yes/],
    ];
    for (const [argv, expected] of cases) {
      const { code, notes } = await run(argv, { MONGODB_URI: 'mongodb://127.0.0.1:1/' });
      assert.equal(code, 2, argv.join(' '));
      assert.match(notes.join('\n'), expected);
    }
  });

  test('refuses to send delivered ones again without --force, by an exit code of its own', async () => {
    const { code, notes } = await run(['--status', 'delivered', '--yes']);
    assert.equal(code, 4);
    assert.match(notes.join('\n'), /Refused: .*add --force/);
    assert.equal(valuesOf(['--status', 'delivered', '--force']).status, 'delivered');
  });

  test('shows two examples first when asked for help, and nothing else happens', async () => {
    const { code, lines } = await run(['--help', 'whatever']);
    assert.equal(code, 0);
    assert.deepEqual((lines[0] ?? '').split('\n').slice(0, 3).map((line) => line.startsWith('  npm run replay')), [true, true, false]);
    for (const name of ['status', 'target', 'type', 'since', 'until', 'limit', 'rate', 'yes', 'force', 'wait', 'timeout', 'json', 'help']) assert.match(lines[0] ?? '', new RegExp(`--${name}\\b`));
  });

  test('without a database says where it looked, and a bad configuration is told', async () => {
    const { code, notes } = await run([]);
    assert.equal(code, 2);
    assert.match(notes.join('\n'), /MONGODB_URI is not set[^]*\.data\/mongodb-uri/);
    const bad = await run([], { MONGODB_URI: 'localhost:27017' });
    assert.equal(bad.code, 2);
    assert.match(bad.notes.join('\n'), /MONGODB_URI: expected an address starting with mongodb:\/\//);
  });
});

describe('a visit to pages', () => {
  const pagesOf = (count: number): readonly (readonly SettledDelivery[])[] => [...chunks(Array.from({ length: count }, () => dead()), 10)];
  const visit = async (count: number, limit: number, onPage: () => void = () => undefined, signal = new AbortController().signal): Promise<readonly [end: string, seen: number]> => {
    let seen = 0;
    const end = await visitPages(pagesOf(count), { limit, signal }, (page) => {
      seen += page.length;
      onPage();
      return Promise.resolve();
    });
    return [end, seen];
  };

  test('takes as many as the limit allows, and says whether there are more', async () => {
    assert.deepEqual(await visit(0, 5), ['all', 0]);
    assert.deepEqual(await visit(25, 100), ['all', 25]);
    assert.deepEqual(await visit(25, 25), ['all', 25]);
    assert.deepEqual(await visit(25, 20), ['more', 20]);
    assert.deepEqual(await visit(25, 7), ['more', 7]);
    assert.deepEqual(await visit(30, 20), ['more', 20]);
  });

  test('ends after the page at which it was interrupted', async () => {
    const interrupt = new AbortController();
    assert.deepEqual(await visit(25, 100, () => interrupt.abort(), interrupt.signal), ['interrupted', 10]);
  });
});

describe('a tally', () => {
  test('counts by target and reason, the largest first, with a few examples and the times of the events', () => {
    const tally = new Tally();
    const [oldest, newest] = [boundIn(NOW_MS), boundIn(NOW_MS + 60_000)];
    const all = [dead({ eventId: newest, targetId: TWO }), dead({ eventId: oldest, reason: 'gone' }), ...Array.from({ length: 5 }, (_, index) => dead({ eventId: boundIn(NOW_MS + index) }))];
    for (const delivery of all) tally.add(delivery);
    assert.deepEqual(tally.groups.map(({ targetId, count, samples }) => [targetId, count, samples.length]), [[ONE, 5, 3], [ONE, 1, 1], [TWO, 1, 1]]);
    assert.deepEqual([tally.total, tally.events], [7, 6]);
    assert.deepEqual(tally.span, { oldest: timeOfEvent(oldest), newest: timeOfEvent(newest) });
    assert.deepEqual(tallyLines(tally, 'dead', [target(ONE, 'active')]), [
      '7 dead deliveries of 6 events, received 2026-01-01T00:00:00.000Z to 2026-01-01T00:01:00.000Z',
      '  target   status  count  last error                          for example',
      `  tgt_one  active      5  exhausted: status 500, 10 attempts  ${boundIn(NOW_MS)}/tgt_one`,
      `  tgt_one  active      1  gone                                ${oldest}/tgt_one`,
      `  tgt_two  gone        1  exhausted: status 500, 10 attempts  ${newest}/tgt_two`,
    ]);
  });

  test('stays small when every reason is another one, and loses none', () => {
    const tally = new Tally();
    for (let index = 0; index < 1_000; index += 1) tally.add(dead({ reason: `refused: port ${index}` }));
    assert.equal(tally.groups.length, 201);
    assert.deepEqual([tally.groups[0]?.reason, tally.groups[0]?.count], ['other reasons', 800]);
    const lines = tallyLines(tally, 'dead', []);
    assert.equal(lines.length, 23);
    assert.equal(lines.at(-1), '  and 181 more for 181 other reasons');
  });

  test('keeps control characters of a receiver from the terminal', () => {
    const tally = new Tally();
    tally.add(dead({ reason: 'blocked: \u001b[2J' }));
    assert.match(tallyLines(tally, 'dead', []).join('\n'), /blocked: \?\[2J/);
  });
});

test('a target that nothing is sent to is warned of, when it has something to be replayed', () => {
  const targets = [target(ONE, 'paused', 'holidays'), target(TWO, 'disabled'), target('tgt_three' as TargetId, 'active')];
  assert.deepEqual(warningsFor(targets, [ONE, TWO, 'tgt_three' as TargetId]), ['tgt_one is paused (holidays): nothing is sent to it until it is active', 'tgt_two is disabled: nothing is sent to it until it is active']);
  assert.deepEqual(warningsFor(targets, [TWO]).length, 1);
});

test('a summary says what was done, what was not and why', () => {
  const progress = new RunProgress();
  progress.replayed.add(dead());
  assert.deepEqual(runLines(progress, 'all'), ['Replayed 1 delivery of 1 event']);
  progress.movedOn = 2;
  progress.gone = 1;
  assert.deepEqual(runLines(progress, 'more').slice(1), ['2 moved on meanwhile, and were left alone', '1 left alone, since their events are pruned', 'The limit was reached and more fit: run it again, or raise --limit']);
});
