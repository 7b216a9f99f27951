/** Replay: what is dead is delivered after all, once, and nothing else is touched. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deliveryIdOf, timerIdOf, type EventId } from '../../src/domain/ids.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { ensureIndexes } from '../../src/store/indexes.ts';
import { findSettled, replayDeliveries, type SettledDelivery } from '../../src/store/replay.ts';
import { replayPages, RunProgress } from '../../tools/replay/run.ts';
import { searchAll } from '../../tools/replay/search.ts';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { ONE, register, replay, seed, TWO } from '../support/replay.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

const { inWorld, mongo } = useMongo();

const GIVES_UP = { RETRY_SCHEDULE: '50ms', MAX_RETRY_ATTEMPTS: '1' };
const HOUR_MS = 3_600_000;

/** A database as the programs leave it, with two targets and nobody who sends. */
const inSeeded = (run: (world: World) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => {
    await ensureIndexes(world.store, 30);
    await register(world, ONE);
    await register(world, TWO);
    await run(world);
  });

const readyEvents = async (world: World): Promise<readonly EventId[]> => (await world.store.deliveries.find({ state: 'ready' }).sort({ _id: 1 }).toArray()).map(({ eventId }) => eventId);
const statusOf = async (world: World, id: EventId): Promise<string> => (await world.store.events.findOne({ _id: id }))?.status ?? 'none';

async function everything(world: World): Promise<string> {
  const names = ['events', 'deliveries', 'schedule', 'targets', 'lanes'];
  return JSON.stringify(await Promise.all(names.map((name) => world.db.collection(name).find().sort({ _id: 1 }).toArray())));
}

async function onlyDead(world: World): Promise<readonly SettledDelivery[]> {
  return findSettled(world.store, { targetIds: [ONE, TWO], state: 'dead', after: null, before: null, limit: 1_000 });
}

test('a dead delivery is delivered by a replay, with the same webhook-id and a new generation', () =>
  inWorld({ env: GIVES_UP, behaviour: () => answer(500) }, async (world) => {
    const server = await world.server();
    await world.processor();
    const { body: { id } } = await post(server.url);
    await world.settled(1);
    assert.equal(await statusOf(world, id as EventId), 'FAILED_PERMANENTLY');
    world.sink.behave(() => answer(200));

    const { code, lines } = await replay(world, ['--yes', '--wait']);
    assert.equal(code, 0, lines.join('\n'));
    assert.ok(lines.includes('1 delivered, 0 dead again, 0 still open'), lines.join('\n'));
    await world.settled(1);
    assert.equal(await statusOf(world, id as EventId), 'DELIVERED');
    assert.deepEqual(world.sink.requests.map((request) => [request.id, request.attempt]), [[id, 1], [id, 1]]);
    const delivery = await world.store.deliveries.findOne({});
    assert.deepEqual([delivery?.state, delivery?.generation, delivery?.attemptCount], ['delivered', 1, 1]);
    assert.ok(delivery !== null);
    assert.deepEqual(delivery.attempts.map(({ status }) => status), [500, 200], 'what was tried before is kept');
    assert.equal(delivery.reason, undefined);
  }));

test('a plan changes nothing', () =>
  inSeeded(async (world) => {
    const id = await seed(world, { states: { [ONE]: 'dead', [TWO]: 'dead' } });
    await world.store.targets.updateOne({ _id: TWO }, { $set: { status: 'paused', statusReason: 'holidays' } });
    const before = await everything(world);
    const { code, lines, notes } = await replay(world, []);
    assert.equal(code, 0);
    assert.match(lines[0] ?? '', /^2 dead deliveries of 1 event, received \S+Z to \S+Z$/);
    assert.match(lines.join('\n'), /tgt_one +active +1 {2}exhausted: status 500, 1 attempts +evt_/);
    assert.equal(lines.at(-1), 'Nothing sent; add --yes to replay');
    assert.deepEqual(notes, ['tgt_two is paused (holidays): nothing is sent to it until it is active']);

    const { lines: [json = ''] } = await replay(world, ['--json', id]);
    assert.equal((JSON.parse(json) as { deliveries: number }).deliveries, 2);
    assert.equal(await everything(world), before);
  }));

test('running a replay twice, or twice at once, sends nothing twice', () =>
  inWorld({ env: GIVES_UP, behaviour: () => answer(404) }, async (world) => {
    const count = 300;
    const server = await world.server();
    await world.processor();
    await sendMany({ url: server.url, secret: INGEST_SECRET, count, concurrency: 20 });
    await world.settled(count);
    world.sink.behave(() => answer(200));
    world.sink.clear();

    const ends = await Promise.all([1, 2, 3].map(() => replay(world, ['--yes', '--wait', '--json'])));
    assert.deepEqual(ends.map(({ code }) => code), [0, 0, 0], ends.flatMap(({ notes }) => notes).join('\n'));
    const replayed = ends.map(({ lines }) => (JSON.parse(lines[0] ?? '') as { deliveries: number }).deliveries);
    assert.equal(replayed.reduce((sum, part) => sum + part, 0), count);
    assert.deepEqual((await replay(world, ['--yes'])).lines, ['Nothing matched. Searched: dead deliveries in database ' + world.db.databaseName + ', to tgt_default']);
    await world.settled(count);
    assert.equal(world.sink.requests.length, count);
    assert.equal(world.duplicates(), 0);
    assert.equal(await world.store.events.countDocuments({ status: 'DELIVERED' }), count);
  }));

test('a replay by type, target or time range takes those and no others', () =>
  inSeeded(async (world) => {
    const old = await seed(world, { type: 'order.created', ageMs: 5 * HOUR_MS });
    const paid = await seed(world, { type: 'order.paid', ageMs: 3 * HOUR_MS });
    const other = await seed(world, { type: 'orders', ageMs: 2 * HOUR_MS, states: { [ONE]: 'delivered', [TWO]: 'dead' } });
    const untyped = await seed(world, { type: null, ageMs: HOUR_MS });
    const at = new Date(Date.now() - 4 * HOUR_MS).toISOString();
    const cases: readonly (readonly [argv: readonly string[], expected: readonly EventId[]])[] = [
      [[], [old, paid, other, untyped]],
      [['--type', 'order.created'], [old]],
      [['--type', 'order.*'], [old, paid]],
      [['--type', 'order'], []],
      [['--target', TWO], [other]],
      [['--target', ONE], [old, paid, untyped]],
      [['--since', '150m'], [other, untyped]],
      [['--until', at], [old]],
      [['--since', at, '--until', '90m'], [paid, other]],
      [['--limit', '2'], [old, paid]],
      [[paid], [paid]],
      [['--type', 'order.*', deliveryIdOf(other, TWO), old], [old]],
      [['--status', 'delivered', '--force'], [other]],
    ];
    for (const [argv, expected] of cases) {
      const before = await Promise.all(['events', 'deliveries'].map((name) => world.db.collection(name).find().toArray()));
      const { code, notes } = await replay(world, [...argv, '--yes']);
      assert.equal(code, 0, notes.join('\n'));
      assert.deepEqual(await readyEvents(world), expected, argv.join(' '));
      for (const id of expected) assert.equal(await statusOf(world, id), id === other && argv.includes('delivered') ? 'FAILED_TEMPORARILY' : 'RECEIVED');
      // As it was, for the next case.
      for (const [index, name] of ['events', 'deliveries'].entries()) {
        await world.db.collection(name).deleteMany({});
        await world.db.collection(name).insertMany(before[index] ?? []);
      }
    }
  }));

test('an id that does not fit is named with the reason', () =>
  inSeeded(async (world) => {
    const id = await seed(world, { states: { [ONE]: 'delivered', [TWO]: 'dead' } });
    const unknown = `evt_${'0'.repeat(26)}`;
    const { code, lines, notes } = await replay(world, [deliveryIdOf(id, ONE), unknown, id, '--target', ONE, '--yes']);
    assert.equal(code, 0);
    assert.match(lines[0] ?? '', /^Nothing matched\. Searched: dead deliveries in database .*, to tgt_one, among the 3 ids given$/);
    assert.deepEqual(notes, [
      `${deliveryIdOf(id, ONE)} does not fit: it is delivered, not dead`,
      `${unknown} does not fit: nothing is known about it`,
      `${id} does not fit: its target is another one, or gone`,
    ]);
    assert.deepEqual(await readyEvents(world), []);
  }));

test('a replayed event is out of reach of retention, and one that is pruned is not made owed again', () =>
  inSeeded(async (world) => {
    const kept = await seed(world);
    const pruned = await seed(world);
    await world.store.events.deleteOne({ _id: pruned });
    const { lines } = await replay(world, ['--yes']);
    assert.ok(lines.includes('1 left alone, since their events are pruned'), lines.join('\n'));
    assert.deepEqual(await readyEvents(world), [kept]);
    const [event, delivery] = [await world.store.events.findOne({ _id: kept }), await world.store.deliveries.findOne({ eventId: kept })];
    assert.deepEqual([event?.settledAt, delivery?.settledAt], [undefined, undefined]);
    const timer = await world.store.schedule.findOne({});
    assert.deepEqual([timer?._id, timer?.state], [timerIdOf(deliveryIdOf(kept, ONE), 1, 1), 'due']);
    assert.deepEqual(timer?.dueAt, delivery?.wakeAt, 'both by the same clock');
  }));

test('a replay that comes too late leaves the status of the event as it is', () =>
  inSeeded(async (world) => {
    const id = await seed(world, { states: { [ONE]: 'dead', [TWO]: 'dead' } });
    const stale = await onlyDead(world);
    await world.processor();
    assert.equal((await replay(world, ['--yes', '--wait'])).code, 0);
    await world.settled(1);

    const { replayed, movedOn } = await replayDeliveries(world.store, stale);
    assert.deepEqual([replayed.length, movedOn.length], [0, 2]);
    const event = await world.store.events.findOne({ _id: id });
    assert.equal(event?.status, 'DELIVERED');
    assert.ok(event.settledAt instanceof Date, 'and retention reaches it again');
    assert.equal(world.sink.requests.length, 2);
  }));

test('of an event with two dead deliveries one is replayed, and the other is still told of', () =>
  inSeeded(async (world) => {
    const id = await seed(world, { states: { [ONE]: 'dead', [TWO]: 'dead' } });
    await replay(world, [deliveryIdOf(id, ONE), '--yes']);
    assert.equal(await statusOf(world, id), 'FAILED_TEMPORARILY');
    await world.processor();
    await world.settled(1);
    assert.equal(await statusOf(world, id), 'FAILED_PERMANENTLY');
    assert.deepEqual((await onlyDead(world)).map(({ targetId }) => targetId), [TWO]);
  }));

test('what a crash leaves between reopening and moving is found by the next replay, and what lacks its timer by the sweep', () =>
  inSeeded(async (world) => {
    const reopened = await seed(world);
    await world.store.events.updateOne({ _id: reopened }, { $set: { status: 'RECEIVED' }, $unset: { settledAt: '' } });
    const untimed = await seed(world);
    await replay(world, [untimed, '--yes']);
    await world.store.schedule.deleteMany({});

    await world.processor();
    const { code } = await replay(world, ['--yes', '--wait']);
    assert.equal(code, 0);
    await world.settled(2);
    assert.deepEqual([await statusOf(world, reopened), await statusOf(world, untimed)], ['DELIVERED', 'DELIVERED']);
    assert.equal(world.sink.requests.length, 2);
  }));

test('an interrupted replay ends its batch, and the next one goes on', () =>
  inSeeded(async (world) => {
    const count = 450;
    for (let done = 0; done < count; done += 50) await Promise.all(Array.from({ length: 50 }, () => seed(world)));
    const interrupt = new AbortController();
    const [progress, search] = [new RunProgress(), { targetIds: [ONE], state: 'dead' as const, type: null, from: null, before: null }];
    const end = await replayPages({ store: world.store, clock: systemClock }, searchAll(world.store, search), {
      limit: count, signal: interrupt.signal, ratePerSecond: null, onBatch: () => interrupt.abort(),
    }, progress);
    assert.equal(end, 'interrupted');
    assert.equal(progress.ids.length, 100);
    assert.equal(await world.store.schedule.countDocuments({}), 100);
    const { lines } = await replay(world, ['--yes', '--limit', '200']);
    assert.ok(lines.includes('The limit was reached and more fit: run it again, or raise --limit'), lines.join('\n'));
    await replay(world, ['--yes']);
    assert.equal(new Set(await readyEvents(world)).size, count);
    assert.equal(await world.store.deliveries.countDocuments({ generation: 1 }), count);
  }));

/** When each batch was done, and how many deliveries had been handled by then; time passes only where it is slept or spent. */
async function pacesOf(world: World, { ratePerSecond, batchMs, limit }: { readonly ratePerSecond: number | null; readonly batchMs: number; readonly limit: number }): Promise<readonly (readonly [atMs: number, handled: number])[]> {
  let nowMs = 0;
  const clock = { now: () => nowMs, monotonic: () => nowMs, after: (afterMs: number, act: () => void) => systemClock.after(afterMs, act), sleep: (ms: number) => Promise.resolve().then(() => { nowMs += ms; }) };
  const search = { targetIds: [ONE], state: 'dead' as const, type: null, from: null, before: null };
  const paces: (readonly [atMs: number, handled: number])[] = [];
  const onBatch = ({ handled }: RunProgress): void => {
    nowMs += batchMs;
    paces.push([nowMs, handled]);
  };
  await replayPages({ store: world.store, clock }, searchAll(world.store, search), { limit, signal: new AbortController().signal, ratePerSecond, onBatch });
  return paces;
}

test('a rate spreads a replay evenly', () =>
  inSeeded(async (world) => {
    for (let done = 0; done < 12; done += 1) await seed(world);
    assert.deepEqual(await pacesOf(world, { ratePerSecond: 20, batchMs: 0, limit: 12 }), [[0, 4], [200, 8], [400, 12]]);
  }));

test('a replay without a rate leaves half of the time to live events', () =>
  inSeeded(async (world) => {
    for (let done = 0; done < 250; done += 1) await seed(world);
    assert.deepEqual(await pacesOf(world, { ratePerSecond: null, batchMs: 70, limit: 250 }), [[70, 100], [210, 200], [350, 250]]);
  }));

test('every page is read from an index, in order, and reads no more than it answers', () =>
  inSeeded(async (world) => {
    for (let done = 0; done < 40; done += 1) await seed(world, { states: done % 2 === 0 ? { [ONE]: 'dead', [TWO]: 'delivered' } : { [ONE]: 'delivered' } });
    await world.db.command({ profile: 2 });
    await replay(world, ['--type', 'order.*', '--limit', '5', '--yes', '--since', '1d']);
    await world.db.command({ profile: 0 });
    const told = await world.db.collection('system.profile').find({ ns: { $in: ['deliveries', 'events', 'schedule'].map((name) => `${world.db.databaseName}.${name}`) } }).toArray();
    assert.ok(told.length >= 10);
    const scans = told.filter(({ planSummary, hasSortStage }) => /COLLSCAN/.test(String(planSummary)) || hasSortStage === true);
    assert.deepEqual(scans.map(({ command }) => command as unknown), []);
    const page = told.find(({ ns, op }) => op === 'query' && String(ns).endsWith('.deliveries'));
    assert.deepEqual([page?.['nreturned'], page?.['docsExamined']], [20, 20]);
  }));

test('the timeout of --wait is told by its own exit code, and dead again by another', () =>
  inSeeded(async (world) => {
    await seed(world);
    const { code, lines } = await replay(world, ['--yes', '--wait', '--timeout', '1ms']);
    assert.equal(code, 5);
    assert.ok(lines.includes('0 delivered, 0 dead again, 1 still open'), lines.join('\n'));

    world.sink.behave(() => answer(500));
    await world.processor();
    await world.settled(1);
    const again = await replay(world, ['--yes', '--wait']);
    assert.equal(again.code, 1);
    assert.ok(again.lines.includes('0 delivered, 1 dead again, 0 still open'), again.lines.join('\n'));
    assert.deepEqual((await onlyDead(world)).map(({ generation }) => generation), [2]);
  }));

interface Ended {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The command line as a process of its own, in a folder of its own. */
function runCli(folder: string, argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<Ended> {
  return new Promise((resolve) => {
    const args = ['--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs'), join(ROOT, 'tools/replay.ts'), ...argv];
    execFile(process.execPath, args, { cwd: folder, env: { PATH: process.env['PATH'], ...env } }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, stdout, stderr }));
  });
}

test('the command line finds the database that npm start keeps, and says so when it is gone', () =>
  inSeeded(async (world) => {
    const id = await seed(world);
    const folder = await mkdtemp(join(tmpdir(), 'replay-'));
    try {
      const env = { MONGODB_DB: world.db.databaseName };
      const unset = await runCli(folder, [], env);
      assert.equal(unset.code, 2);
      assert.match(unset.stderr, /MONGODB_URI is not set[^]*npm start/);

      await mkdir(join(folder, '.data'));
      await writeFile(join(folder, '.data', 'mongodb-uri'), `${mongo().uri}\n`);
      const planned = await runCli(folder, [], env);
      assert.equal(planned.code, 0, planned.stderr);
      assert.match(planned.stdout, new RegExp(`^1 dead delivery of 1 event[^]*${id}[^]*Nothing sent; add --yes to replay\n$`));

      await world.processor();
      const done = await runCli(folder, ['--yes', '--wait', '--json'], env);
      assert.equal(done.code, 0, done.stderr);
      const { deliveries, wait } = JSON.parse(done.stdout) as { deliveries: number; wait: { delivered: number } };
      assert.deepEqual([deliveries, wait.delivered], [1, 1]);
      assert.equal(world.sink.requests.length, 1);

      await writeFile(join(folder, '.data', 'mongodb-uri'), 'mongodb://127.0.0.1:9/?replicaSet=rs0\n');
      const away = await runCli(folder, [], env);
      assert.equal(away.code, 3);
      assert.match(away.stderr, /No MongoDB primary found at mongodb:\/\/127\.0\.0\.1:9[^]*start npm start again/);
    } finally {
      await rm(folder, { recursive: true });
    }
  }));
