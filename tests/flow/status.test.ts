/** The status tool against real programs: it tells who sends what where, how much is owed, and what is wrong, and reads little for it. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MongoClient, Timestamp } from 'mongodb';
import { newEventId, type DeliveryId, type SessionId } from '../../src/domain/ids.ts';
import { newMasterKey } from '../../src/domain/sealing.ts';
import type { Environment } from '../../src/runtime/config.ts';
import { ensureIndexes } from '../../src/store/indexes.ts';
import { prepareDatabase } from '../../src/store/prepare.ts';
import { countInState } from '../../src/store/status.ts';
import { SCHEMA_VERSION } from '../../src/store/schema-version.ts';
import { openStore, type DeliveryDocument, type EventDocument } from '../../src/store/store.ts';
import { startLocalMongo } from '../../tools/local-mongo.ts';
import { idBoundAt } from '../../tools/replay/id-time.ts';
import { statusCommand } from '../../tools/status/command.ts';
import type { Snapshot } from '../../tools/status/snapshot.ts';
import type { Warning } from '../../tools/status/warnings.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { ONE, register } from '../support/replay.ts';
import { runToolWith, type ToolRun, type ToolRunOptions } from '../support/tool.ts';
import type { World } from '../support/world.ts';

const { inWorld, mongo } = useMongo();

const status = (environment: Environment, argv: readonly string[] = [], options: ToolRunOptions = {}): Promise<ToolRun> =>
  runToolWith((context) => statusCommand(context, () => undefined), environment, argv, options);

type Look = Omit<Snapshot, 'at'> & { readonly warnings: readonly Warning[] };

async function look(world: World): Promise<Look & { readonly code: number }> {
  const { code, lines, notes } = await status(world.env, ['--json']);
  assert.equal(lines.length, 1, notes.join('\n'));
  return { ...(JSON.parse(lines[0] ?? '') as Look), code };
}

const texts = ({ warnings }: Look): string => warnings.map(({ text }) => text).join('\n');

test('a running system is told whole, and all is well', () =>
  inWorld({ env: { PROCESSOR_NAME: 'worker-1', HOOKTAIL_MASTER_KEY: newMasterKey() } }, async (world) => {
    const server = await world.server();
    await world.processor();
    await post(server.url);
    await world.settled(1);
    const seen = await eventually(async () => {
      const now = await look(world);
      assert.ok(now.members[0]?.stream, 'Expected a saved place in the stream');
      return now;
    });
    assert.equal(seen.code, 0, texts(seen));
    const { members: [member], lanes: [lane], oplog, nodes, schemaVersion, pendingFanOut } = seen;
    assert.ok(member && lane && oplog);
    assert.deepEqual({ ...member, session: '', host: '', forMs: 0, leaseLeftMs: 0, stream: null }, { member: 'worker-1', session: '', host: '', pid: process.pid, forMs: 0, leaseLeftMs: 0, state: 'fresh', lanes: 1, stream: null });
    assert.ok(member.leaseLeftMs > 5_000 && member.leaseLeftMs <= 15_000, `Expected a lease of up to 15 s, got ${member.leaseLeftMs}`);
    assert.ok((member.stream?.lagMs ?? Infinity) < 30_000, 'Expected a stream that keeps up');
    assert.deepEqual([lane.targetId, lane.owner, lane.term, lane.due.value, lane.dead.value], ['tgt_default', { kind: 'member', member: 'worker-1' }, 1, 0, 0]);
    assert.ok(oplog.leftMs !== null && oplog.leftMs <= oplog.windowMs + 1_000, 'Expected the place within the oplog');
    assert.deepEqual(nodes?.map(({ state }) => state), ['PRIMARY']);
    assert.deepEqual([schemaVersion, pendingFanOut.value], [SCHEMA_VERSION, 0]);

    const screen = await status(world.env);
    assert.equal(screen.code, 0);
    assert.match(screen.lines.join('\n'), /1 processor\n.*\n +worker-1 +fresh .*\n\n1 target\n.*\n +tgt_default +active .*worker-1 .*\n.*\n[\s\S]*All is well$/);
    assert.ok(screen.lines.length <= 24, `Expected one screen, got ${screen.lines.length} lines`);
    assert.ok(screen.lines.every((line) => line.length <= 160), 'Expected lines that fit');
  }));

test('no live processor is the first thing told, with exit code 1', () =>
  inWorld({}, async (world) => {
    await world.server();
    const processor = await world.processor();
    await processor.stop();
    const seen = await look(world);
    assert.equal(seen.code, 1);
    assert.equal(seen.warnings[0]?.text, 'No live processor: nothing is delivered');
    assert.match(seen.warnings[0].fix, /npm run processor/);
  }));

/** Ten thousand events and deliveries to one target: 7,000 dead, 2,000 parked and due, 1,000 waiting for tomorrow. */
async function pile(world: World): Promise<void> {
  await ensureIndexes(world.store, 30);
  await register(world, ONE);
  const [past, tomorrow] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 86_400_000)];
  const events: EventDocument[] = [];
  const deliveries: DeliveryDocument[] = [];
  for (let count = 0; count < 10_000; count += 1) {
    const id = newEventId(past.getTime());
    events.push({ _id: id, source: 's', idempotencyKey: id, fingerprint: id, type: null, targetIds: [ONE], body: Buffer.alloc(100), contentType: 'application/json', receivedAt: past, status: 'RECEIVED', ...(count < 50 ? { pendingFanOut: true } : {}) });
    const base = { _id: `${id}/${ONE}` as DeliveryId, eventId: id, targetId: ONE, generation: 0, attemptCount: 1, attempts: [] };
    deliveries.push(count < 7_000 ? { ...base, state: 'dead', settledAt: new Date(), reason: 'x' } : count < 9_000 ? { ...base, state: 'ready', wakeAt: past } : { ...base, state: 'waiting', wakeAt: tomorrow });
  }
  await Promise.all([world.store.events.insertMany(events), world.store.deliveries.insertMany(deliveries)]);
}

test('what is owed is counted exactly, from indexes alone, without looking at the documents', () =>
  inWorld({}, async (world) => {
    await pile(world);
    await world.db.command({ profile: 2 });
    const seen = await look(world);
    await world.db.command({ profile: 0 });
    const { lanes: [lane], pendingFanOut } = seen;
    assert.ok(lane);
    const none = { more: false };
    assert.deepEqual([lane.dead, lane.ready, lane.waiting, lane.due], [{ value: 7_000, ...none }, { value: 2_000, ...none }, { value: 1_000, ...none }, { value: 2_000, ...none }]);
    assert.ok(lane.oldestDueForMs !== null && Math.abs(lane.oldestDueForMs - 3_600_000) < 60_000, 'Expected an hour');
    assert.ok(lane.nextWakeInMs !== null && Math.abs(lane.nextWakeInMs - 86_400_000) < 60_000, 'Expected a day');
    assert.deepEqual([pendingFanOut.value, pendingFanOut.more], [50, false]);

    const done = await world.db.collection('system.profile').find({ ns: { $in: ['events', 'deliveries'].map((name) => `${world.db.databaseName}.${name}`) } }).toArray();
    assert.ok(done.length >= 8, `Expected the statements of the tool, got ${done.length}`);
    for (const { planSummary, docsExamined, command } of done) {
      assert.ok(!String(planSummary).includes('COLLSCAN'), `Expected an index, got a scan: ${JSON.stringify(command)}`);
      assert.ok(Number(docsExamined) <= 1, `Expected at most one document, got ${String(docsExamined)}: ${JSON.stringify(command)}`);
    }
  }));

test('counting ends at its bound, however many there are', () =>
  inWorld({}, async (world) => {
    await pile(world);
    await world.db.command({ profile: 2 });
    assert.deepEqual(await countInState(world.store, ONE, 'dead', 100), { value: 100, more: true });
    assert.deepEqual(await countInState(world.store, ONE, 'dead', 7_000), { value: 7_000, more: false });
    await world.db.command({ profile: 0 });
    const [first] = await world.db.collection('system.profile').find({ ns: `${world.db.databaseName}.deliveries` }).sort({ ts: 1 }).toArray();
    assert.ok(Number(first?.['keysExamined']) <= 102, `Expected to read 101 keys, got ${String(first?.['keysExamined'])}`);
  }));

test('lanes without a living owner, held and disabled ones, silent processors and late streams are told by name', () =>
  inWorld({}, async (world) => {
    await prepareDatabase(world.store, 30);
    for (const name of ['tgt_free', 'tgt_ended', 'tgt_held', 'tgt_off']) await register(world, name as typeof ONE);
    const { sessions, lanes, targets, resumeTokens, deliveries } = world.store;
    const now = Date.now();
    const sessionAt = (ms: number, end: string): SessionId => `${idBoundAt(ms).replace('evt_', 'ses_')}${end.padStart(16, '0')}` as SessionId;
    const [old, quiet, fresh, gone] = [sessionAt(now - 600_000, '0'), sessionAt(now - 600_000, '1'), sessionAt(now, '0'), sessionAt(now, '1')];
    const session = { host: 'h', pid: 1, live: true } as const;
    await sessions.insertMany([
      { _id: fresh, member: 'fresh', until: new Date(now + 14_000), ...session },
      { _id: quiet, member: 'quiet', until: new Date(now + 3_000), ...session },
      { _id: old, member: 'old', until: new Date(now - 30_000), ...session },
    ]);
    await lanes.insertMany([
      { _id: 'tgt_free' as typeof ONE, owner: null, term: 3 },
      { _id: 'tgt_ended' as typeof ONE, owner: gone, term: 4 },
      { _id: 'tgt_held' as typeof ONE, owner: fresh, term: 5, holdUntil: new Date(now + 60_000) },
      { _id: 'tgt_off' as typeof ONE, owner: fresh, term: 6, holdUntil: new Date(now - 60_000) },
    ]);
    await targets.updateOne({ _id: 'tgt_off' as typeof ONE }, { $set: { status: 'disabled', statusReason: 'answered 410' } });
    const event = newEventId(now);
    await deliveries.insertOne({ _id: `${event}/tgt_off` as DeliveryId, eventId: event, targetId: 'tgt_off' as typeof ONE, state: 'ready', generation: 0, attemptCount: 0, attempts: [], wakeAt: new Date(now) });
    await resumeTokens.insertOne({ _id: 'fresh', token: {}, pipelineHash: 'p', clusterTime: Timestamp.fromBits(1, Math.floor(now / 1_000) - 240), savedAt: new Date(now) });

    const seen = await look(world);
    assert.equal(seen.code, 1);
    const told = texts(seen);
    for (const expected of [/Lane tgt_free has no owner/, /Lane tgt_ended belongs to a session that has ended/, /lease of old ran out 3\d s ago/, /oplog no longer reaches back to where the stream of fresh is \(4(\.\d)? min behind/, /quiet has saved no place/, /quiet has not renewed its lease/, /tgt_off is disabled \(answered 410\), and 1 due deliveries wait/]) assert.match(told, expected);
    assert.ok(!told.includes('tgt_held'), told);
    const held = seen.lanes.find(({ targetId }) => targetId === 'tgt_held');
    assert.ok(held?.holdLeftMs != null && held.holdLeftMs > 50_000, 'Expected the hold');
    assert.equal(seen.lanes.find(({ targetId }) => targetId === 'tgt_off')?.holdLeftMs, null);
    assert.deepEqual(seen.members.map(({ member, state, lanes: count }) => [member, state, count]), [['old', 'expired', 0], ['quiet', 'stale', 0], ['fresh', 'fresh', 2]]);
  }));

test('watching looks again until it is interrupted, which ends it well', () =>
  inWorld({}, async (world) => {
    const enough = new AbortController();
    let looks = 0;
    const onLine = (): void => {
      looks += 1;
      if (looks === 2) enough.abort();
    };
    const { code, lines } = await status(world.env, ['--watch', '1', '--json'], { onLine, signal: enough.signal });
    assert.equal(code, 0);
    assert.equal(lines.length, 2);
  }));

test('as a process without a terminal it prints no colours, and nothing secret', () =>
  inWorld({}, async (world) => {
    await world.processor();
    // As an older release let it be saved.
    await world.store.targets.updateOne({}, { $set: { url: 'http://user:hunter2@127.0.0.1:9/?key=hunter2' } });
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'], ...world.env };
    for (const argv of [[], ['--json']]) {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'tools/status.ts', ...argv], { cwd: fileURLToPath(new URL('../../', import.meta.url)), env });
      const output = stdout + stderr;
      assert.match(output, /tgt_default/);
      assert.ok(!/\u001b|hunter2|whsec_/.test(output), output);
    }
  }));

test('a database that nobody has prepared is told as such, and nothing is written to it', () =>
  inWorld({}, async (world) => {
    const { code, lines } = await status(world.env);
    assert.equal(code, 1);
    assert.match(lines.join('\n'), /schema none yet[\s\S]*No processors[\s\S]*No targets[\s\S]*No live processor/);
    assert.deepEqual(await world.db.listCollections().toArray(), []);
  }));

test('no MongoDB is exit code 3, and a wrong option 2', async () => {
  assert.equal((await status({ MONGODB_URI: 'mongodb://127.0.0.1:9/' })).code, 3);
  const { code, notes } = await status({ MONGODB_URI: mongo().uri }, ['--watch', 'soon']);
  assert.deepEqual([code, notes.length], [2, 1]);
});

test('a database of a newer release is refused with exit code 2', () =>
  inWorld({}, async (world) => {
    await world.db.collection<{ _id: string; version: number }>('meta').insertOne({ _id: 'schema', version: 99 });
    const { code, notes } = await status(world.env);
    assert.equal(code, 2);
    assert.match(notes.join('\n'), /has schema version 99, .*Fix: upgrade this program/);
  }));

/** Kept data, so that a user can be made before the same set comes back with access control. */
async function withUser(run: (uri: string, database: string) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hooktail-auth-'));
  const keyFile = join(dataDir, 'key');
  await writeFile(keyFile, 'aKeyForTheMembersOfTheSet', { mode: 0o400 });
  try {
    const open = await startLocalMongo({ dataDir });
    const client = new MongoClient(open.uri);
    await client.db('admin').command({ createUser: 'app', pwd: 'secret', roles: [{ role: 'readWrite', db: 'app' }] }).finally(() => client.close());
    await open.stop();
    const { port } = open.nodes[0] ?? assert.fail('Expected a node');
    const mongod = spawn(open.binary.path, ['--dbpath', join(dataDir, 'node1'), '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket', '--replSet', 'rs0', '--keyFile', keyFile], { stdio: 'ignore' });
    const exited = once(mongod, 'exit');
    try {
      await run(`mongodb://app:secret@127.0.0.1:${port}/?replicaSet=rs0&authSource=admin`, 'app');
    } finally {
      mongod.kill('SIGKILL');
      await exited;
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

test('a user with readWrite alone sees the rest, is told what he may not see, and can change the retention', () =>
  withUser(async (uri, database) => {
    const client = new MongoClient(uri);
    try {
      const store = openStore(client.db(database));
      await prepareDatabase(store, 30);
      await prepareDatabase(store, 7);
      const ages = (await store.events.listIndexes().toArray()).map(({ expireAfterSeconds }) => expireAfterSeconds as unknown).filter((age) => age !== undefined);
      assert.deepEqual(ages, [7 * 86_400]);
    } finally {
      await client.close();
    }
    const { code, lines } = await status({ MONGODB_URI: uri, MONGODB_DB: database });
    assert.equal(code, 1);
    assert.match(lines.join('\n'), /members unknown: this user may not run replSetGetStatus[\s\S]*unknown: this user may not read the database local[\s\S]*No live processor/);
  }));
