import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MongoClient } from 'mongodb';
import type { Environment } from '../../src/runtime/config.ts';
import { startChild } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { mongo, inWorld } = useMongo();

/** Starts a program that must not run; answers the one line it ends with. */
async function refused(program: 'server' | 'processor', env: Environment): Promise<string> {
  const child = startChild(program, { INGEST_SECRET, PORT: '0', LOG_LEVEL: 'silent', ...env });
  try {
    assert.equal((await child.exit).code, 1);
    return await eventually(() => {
      assert.match(child.output(), /^hooktail: /);
      return child.output().trim();
    });
  } finally {
    await child.end();
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
};

/** A MongoDB that is no replica set. */
async function withStandalone(run: (uri: string) => Promise<void>): Promise<void> {
  const dbPath = mkdtempSync(join(tmpdir(), 'hooktail-standalone-'));
  const port = await freePort();
  const mongod = spawn(mongo().binary.path, ['--dbpath', dbPath, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket'], { stdio: 'ignore' });
  const exited = once(mongod, 'exit');
  try {
    await new MongoClient(`mongodb://127.0.0.1:${port}/`).connect().then((client) => client.close());
    await run(`mongodb://127.0.0.1:${port}/`);
  } finally {
    mongod.kill('SIGKILL');
    await exited;
    rmSync(dbPath, { recursive: true, force: true });
  }
}

for (const program of ['server', 'processor'] as const) {
  test(`${program}: a standalone MongoDB is refused in one line with the fix`, () =>
    withStandalone(async (MONGODB_URI) => {
      const line = await refused(program, { MONGODB_URI });
      assert.match(line, /Expected a MongoDB replica set, got a standalone server.*Fix: start mongod with --replSet/);
      assert.equal(line.split('\n').length, 1);
    }));

  test(`${program}: nothing listening at MONGODB_URI is told in one line, without the password`, async () => {
    const line = await refused(program, { MONGODB_URI: `mongodb://user:hunter2@127.0.0.1:${await freePort()}/` });
    assert.match(line, /No MongoDB primary found at mongodb:\/\/\*\*\*@127\.0\.0\.1:\d+\/ within 2 s: .*ECONNREFUSED.*Fix: /);
    assert.ok(!line.includes('hunter2'));
    assert.equal(line.split('\n').length, 1);
  });

  test(`${program}: a MONGODB_URI that is no address is told as such`, async () => {
    const line = await refused(program, { MONGODB_URI: 'mongodb://user:p%x@host/' });
    assert.match(line, /MONGODB_URI mongodb:\/\/\*\*\*@host\/ cannot be used: .*Fix: /);
  });

  test(`${program}: a DOWNSTREAM_URL that nothing may be sent to is told with the rule it breaks, without its query`, () =>
    inWorld({ env: { SSRF_ALLOW_CIDRS: undefined, DOWNSTREAM_URL: 'http://127.0.0.1:9009/?key=hunter2' } }, async ({ env }) => {
      const line = await refused(program, env);
      assert.match(line, /DOWNSTREAM_URL: Expected a URL that may be sent to: 127\.0\.0\.1 is a loopback address; list its network in SSRF_ALLOW_CIDRS/);
      assert.ok(!line.includes('hunter2'), line);
    }));

  test(`${program}: no MONGODB_URI at all names the variable and npm start`, async () => {
    assert.match(await refused(program, {}), /MONGODB_URI is not set:[\s\S]*Fix: set it in the environment or in \.env.*npm start/);
  });
}

test('server: a missing secret names the variable', async () => {
  assert.match(await refused('server', { MONGODB_URI: mongo().uri, INGEST_SECRET: '' }), /INGEST_SECRET is not set:[\s\S]*Fix: /);
});

test('server: a taken port is told in one line with the fix', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const { port } = new URL(url);
    assert.match(await refused('server', { ...world.env, PORT: port }), new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is taken by another program\\. Fix: set PORT`));
  }));

test('server: a public address without ADMIN_TOKEN is refused', () =>
  inWorld({}, async (world) => assert.match(await refused('server', { ...world.env, HOST: '0.0.0.0' }), /HOST 0\.0\.0\.0 can be reached from other machines.*Fix: set ADMIN_TOKEN/)));

test('wrong configuration is told whole, by variable name', async () => {
  const line = await refused('server', { MONGODB_URI: mongo().uri, PORT: 'eighty', RETRY_SCHEDULE: 'soon', HOOKTAIL_PORT: '1' });
  for (const name of ['PORT: expected', 'RETRY_SCHEDULE: expected', 'HOOKTAIL_PORT: unknown variable, did you mean PORT?']) assert.ok(line.includes(name), `${name} in ${line}`);
});

test('processor: a PROCESSOR_NAME that a living process on this host has is refused', () =>
  inWorld({}, async (world) => {
    await world.child('processor', { PROCESSOR_NAME: 'one' });
    assert.match(await refused('processor', { ...world.env, PROCESSOR_NAME: 'one' }), /PROCESSOR_NAME one is in use by process \d+.*Fix: /);
  }));
