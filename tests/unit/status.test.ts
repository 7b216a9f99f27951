/** The status tool without a database: its command line, what it warns of, and how a look becomes a screen. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TargetId } from '../../src/domain/ids.ts';
import { parseArguments } from '../../tools/cli/arguments.ts';
import { helpText } from '../../tools/cli/help.ts';
import { STATUS_HELP, STATUS_OPTIONS } from '../../tools/status/options.ts';
import { screenLines } from '../../tools/status/report.ts';
import type { Lane, Member, Snapshot } from '../../tools/status/snapshot.ts';
import { tableLines } from '../../tools/status/table.ts';
import { warningsOf } from '../../tools/status/warnings.ts';
import { countOf, spanOf } from '../../tools/status/words.ts';

const HOUR_MS = 3_600_000;
const NONE = { value: 0, more: false };
const plain = (_colour: string, text: string): string => text;
const coloured = (colour: string, text: string): string => `<${colour}>${text}</${colour}>`;

const lane = (over: Partial<Lane> = {}): Lane => ({
  targetId: 'tgt_one' as TargetId, url: 'https://example.com/hooks', status: 'active', statusReason: null, limits: { ratePerSecond: 3, concurrency: 5 },
  owner: { kind: 'member', member: 'worker-1' }, term: 1, holdLeftMs: null, breaker: 'closed', openLeftMs: null, failingForMs: null, ready: NONE, waiting: NONE, due: NONE, oldestDueForMs: null, nextWakeInMs: null, dead: NONE, ...over,
});

const member = (over: Partial<Member> = {}): Member => ({
  member: 'worker-1', session: 'ses_1', host: 'host-1', pid: 4_711, forMs: HOUR_MS, leaseLeftMs: 12_000, state: 'fresh', lanes: 1, stream: { lagMs: 2_000, savedForMs: 500 }, ...over,
});

const snapshot = (over: Partial<Snapshot> = {}): Snapshot => ({
  database: 'hooktail', at: new Date(Date.UTC(2026, 0, 1)), schemaVersion: 1, mongodbVersion: '6.0.5', nodes: [{ name: 'db1:27017', state: 'PRIMARY' }],
  oplog: { windowMs: 2 * HOUR_MS, leftMs: 2 * HOUR_MS }, members: [member()], lanes: [lane()], pendingFanOut: { ...NONE, oldestForMs: null }, secrets: { uses: [{ keyId: 'key_1', secrets: 1 }], canOpen: true, closed: [] }, ...over,
});

const told = (over: Partial<Snapshot>): readonly string[] => warningsOf(snapshot(over)).map(({ level, text }) => `${level}: ${text}`);

describe('what is warned of', () => {
  test('nothing, when all is well', () => assert.deepEqual(told({}), []));

  test('no processor at all, or none with a lease, is one thing broken, and its lanes are not told one by one', () => {
    const lanes = [lane({ owner: { kind: 'none' } }), lane({ owner: { kind: 'ended', session: 'ses_0' } })];
    assert.deepEqual(told({ members: [], lanes }), ['broken: No live processor: nothing is delivered']);
    assert.deepEqual(told({ members: [member({ state: 'expired', leaseLeftMs: -9_000 })], lanes }), ['broken: No live processor: nothing is delivered', 'hint: The lease of worker-1 ran out 9 s ago, and nobody has ended its session']);
  });

  test('secrets that lie open, targets whose secrets do not open, and keys that are not set here', () => {
    const secrets = { uses: [{ keyId: null, secrets: 2 }, { keyId: 'key_1', secrets: 1 }], canOpen: true, closed: [] };
    assert.deepEqual(told({ secrets }), ['hint: 2 signing secrets are stored plain']);
    assert.deepEqual(told({ secrets: { uses: [], canOpen: true, closed: [{ targetId: 'tgt_one' as TargetId, reason: 'Signing secret sec_1 cannot be opened: x' }] } }), ['broken: tgt_one is not sent to: Signing secret sec_1 cannot be opened: x']);
    assert.match(told({ secrets: { uses: [], canOpen: false, closed: [] } })[0] ?? '', /^hint: .* a master key that is not set here/);
  });

  test('a lane without an owner', () => assert.deepEqual(told({ lanes: [lane({ owner: { kind: 'none' } })] }), ['broken: Lane tgt_one has no owner: nothing is sent there']));

  test('a stream a minute behind, with how far the oplog reaches back', () => {
    const behind = { members: [member({ stream: { lagMs: 240_000, savedForMs: 0 } })] };
    assert.deepEqual(told(behind), ['hint: The stream of worker-1 is 4 min behind, the oplog reaches back 2 h']);
    assert.match(told({ ...behind, oplog: null })[0] ?? '', /behind$/);
    assert.match(told({ ...behind, oplog: { windowMs: 200_000, leftMs: -40_000 } })[0] ?? '', /no longer reaches back/);
    assert.deepEqual(told({ members: [member({ stream: { lagMs: 59_000, savedForMs: 0 } })] }), []);
  });

  test('no saved place, but not of a processor that has just started', () => {
    assert.match(told({ members: [member({ stream: null })] })[0] ?? '', /worker-1 has saved no place/);
    assert.deepEqual(told({ members: [member({ stream: null, forMs: 5_000 })] }), []);
  });

  test('a target that is behind, unless it is held or not active', () => {
    const late = { due: { value: 7, more: false }, oldestDueForMs: HOUR_MS };
    assert.match(told({ lanes: [lane(late)] })[0] ?? '', /^hint: tgt_one is behind: 7 due/);
    assert.deepEqual(told({ lanes: [lane({ ...late, holdLeftMs: 1 })] }), []);
    assert.match(told({ lanes: [lane({ ...late, status: 'disabled', statusReason: 'answered 410' })] }).join('\n'), /^hint: tgt_one is disabled \(answered 410\), and 7 due deliveries wait for it$/);
  });

  test('a target whose breaker is open, with when it is tried again and since when it fails; nothing else of it', () => {
    const late = { due: { value: 7, more: false }, oldestDueForMs: HOUR_MS, failingForMs: 2 * HOUR_MS };
    assert.deepEqual(told({ lanes: [lane({ ...late, breaker: 'open', openLeftMs: 40_000 })] }), ['hint: The breaker of tgt_one is open, failing for 2 h: 7 due deliveries wait']);
    assert.deepEqual(told({ lanes: [lane({ ...late, breaker: 'half-open' })] }), ['hint: The breaker of tgt_one is half-open, failing for 2 h: 7 due deliveries wait']);
    assert.match(warningsOf(snapshot({ lanes: [lane({ breaker: 'open', openLeftMs: 40_000 })] }))[0]?.fix ?? '', /a probe goes out in 40 s/);
  });

  test('a target where nothing has worked for five minutes, and not sooner', () => {
    assert.deepEqual(told({ lanes: [lane({ failingForMs: 2 * HOUR_MS })] }), ['hint: Nothing has worked at tgt_one for 2 h']);
    assert.deepEqual(told({ lanes: [lane({ failingForMs: 299_000 })] }), []);
    assert.deepEqual(told({ lanes: [lane({ failingForMs: HOUR_MS, status: 'disabled' })] }), []);
  });

  test('a member of the replica set that is not up', () => {
    const nodes = ['PRIMARY', 'SECONDARY', 'ARBITER', '(not reachable/healthy)'].map((state, index) => ({ name: `db${index}`, state }));
    assert.deepEqual(told({ nodes }), ['hint: Member db3 of the replica set is (not reachable/healthy)']);
    assert.deepEqual(told({ nodes: null }), []);
  });

  test('each with a fix', () => {
    const all = warningsOf(snapshot({ members: [member({ state: 'stale' }), member({ state: 'expired' })], lanes: [lane({ owner: { kind: 'none' } })] }));
    assert.equal(all.length, 3);
    for (const { fix } of all) assert.ok(fix.length > 10, fix);
  });
});

describe('the screen', () => {
  test('ends with what is wrong, or says that all is well', () => {
    assert.equal(screenLines(snapshot(), [], plain).at(-1), 'All is well');
    const lines = screenLines(snapshot(), [{ level: 'broken', text: 'It is on fire', fix: 'put it out' }], coloured);
    assert.deepEqual(lines.slice(-2), ['<red>It is on fire</red>', '  Fix: put it out']);
  });

  test('stays one screen with a thousand targets: those without owner and with most to do first, the rest counted', () => {
    const lanes = Array.from({ length: 1_000 }, (_, index) => lane({ targetId: `tgt_${index}` as TargetId, ready: { value: index, more: false } }));
    const lines = screenLines(snapshot({ lanes: [...lanes, lane({ targetId: 'tgt_nobody' as TargetId, owner: { kind: 'none' } })] }), [], plain);
    assert.ok(lines.length < 60, `Expected a screen, got ${lines.length} lines`);
    const text = lines.join('\n');
    for (const id of ['tgt_nobody', 'tgt_999', 'tgt_981']) assert.ok(text.includes(id), id);
    assert.ok(!text.includes('tgt_980 '), 'Expected the rest to be counted');
    assert.match(text, /and 981 more targets/);
  });

  test('shows an open breaker and since when a target fails', () => {
    const text = screenLines(snapshot({ lanes: [lane({ breaker: 'open', openLeftMs: 40_000, failingForMs: 2 * HOUR_MS })] }), [], plain).join('\n');
    assert.match(text, /tgt_one .* open 40 s +2 h +https/);
  });

  test('shows no control characters of names from outside', () => {
    const text = screenLines(snapshot({ members: [member({ member: 'a\u001b[2Jb', host: 'h\u0007' })], lanes: [lane({ url: 'http://x/\u001b]0;' })] }), [], plain).join('\n');
    assert.ok(!/[\u001b\u0007]/.test(text), JSON.stringify(text));
  });

  test('lines up, coloured or not', () => {
    const rows = [['a', { text: 'red', colour: 'red' }, '1'], ['longer', 'x', { text: '100', colour: 'green' }]] as const;
    const columns = [{ head: 'one' }, { head: 'two' }, { head: 'three', right: true }] as const;
    assert.deepEqual(tableLines(columns, rows, plain), ['  one     two  three', '  a       red      1', '  longer  x      100']);
    assert.deepEqual(tableLines(columns, rows, coloured).map((line) => line.replaceAll(/<\/?\w+>/g, '')), tableLines(columns, rows, plain));
  });
});

describe('words', () => {
  test('a count that ended at its bound says so', () => {
    assert.equal(countOf({ value: 100_000, more: true }), '100,000+');
    assert.equal(countOf({ value: 1_234, more: false }), '1,234');
  });

  for (const [ms, text] of [[0, '0 s'], [499, '0 s'], [59_400, '59 s'], [119_000, '119 s'], [600_000, '10 min'], [36_000_000, '10 h'], [259_200_000, '3 d']] as const) {
    test(`${ms} ms is ${text}`, () => assert.equal(spanOf(ms), text));
  }
});

describe('the command line', () => {
  test('looks once unless told to watch', () => {
    assert.deepEqual(parseArguments([], STATUS_OPTIONS), { kind: 'run', values: { watch: null, json: false } });
    assert.deepEqual(parseArguments(['--watch', '2', '--json'], STATUS_OPTIONS), { kind: 'run', values: { watch: 2, json: true } });
  });

  for (const wrong of ['0', 'soon', '1.5', '-1']) test(`--watch=${wrong} is refused by name`, () => assert.throws(() => parseArguments([`--watch=${wrong}`], STATUS_OPTIONS), /--watch: expected a whole number from 1 to 3600/));

  test('the help names every option and the exit codes', () => {
    const text = helpText(STATUS_HELP);
    for (const part of ['--watch SECONDS', '--json', '--help', 'Exit codes: 0']) assert.ok(text.includes(part), part);
  });
});
