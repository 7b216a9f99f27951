import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, type TestContext } from 'node:test';
import { sendMany } from '../../tools/send/load.ts';
import { watchChild, type Child } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

interface Started {
  readonly child: Child;
  readonly url: string;
  readonly secret: string;
  readonly processorPid: number;
  /** Ids that the built-in receiver has told of so far. */
  readonly received: () => ReadonlySet<string>;
}

/** `npm start` in a folder of its own, on any free port. */
async function start(context: TestContext, folder: string): Promise<Started> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'], PORT: '0', RATE_LIMIT_PER_SECOND: '0' };
  const child = watchChild(spawn(process.execPath, ['--import', import.meta.resolve('tsx'), path('tools/start.ts')], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] }));
  context.after(() => child.end());
  await child.line('Next, in another terminal', 60_000);
  const found = (pattern: RegExp): string => pattern.exec(child.output())?.[1] ?? assert.fail(`Expected ${String(pattern)} in:\n${child.output()}`);
  return {
    child,
    url: found(/Server\s+(http:\S+?)\/api/),
    secret: found(/INGEST_SECRET=(\S+)/),
    processorPid: Number(found(/Processor\s+pid (\d+)/)),
    received: () => new Set([...child.output().matchAll(/receiver .*(evt_\w+) .*signature ok/g)].map(([, id]) => id ?? '')),
  };
}

const send = async ({ url, secret }: Started, count: number): Promise<readonly string[]> => {
  const { accepted, failures } = await sendMany({ url, secret, count, concurrency: 5 });
  assert.deepEqual(failures, []);
  return accepted.map(({ id }) => id);
};

const arrive = (started: Started, ids: readonly string[]): Promise<void> => eventually(() => ids.forEach((id) => assert.ok(started.received().has(id), `${id} has not arrived`)), { timeoutMs: 20_000 });

test('npm start runs everything, survives kill -9 of its processor, stops in order, and goes on where it was', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'hooktail-start-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));

  const first = await start(context, folder);
  await arrive(first, await send(first, 20));
  process.kill(first.processorPid, 'SIGKILL');
  await arrive(first, await send(first, 20));
  await first.child.line('was ended by SIGKILL; starting it again');
  await first.child.line('resumed from a stored position');
  await first.child.line('caught up');
  await first.child.kill('SIGTERM');
  assert.deepEqual(await first.child.exit, { code: 0, signal: null });

  const second = await start(context, folder);
  assert.equal(second.secret, first.secret);
  await second.child.line('resumed from a stored position');
  await arrive(second, await send(second, 5));
  await second.child.kill('SIGTERM');
});

test('npm start ended by SIGKILL leaves nothing running', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'hooktail-start-'));
  context.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  const { child, processorPid, url } = await start(context, folder);
  await child.kill('SIGKILL');
  // Their database is gone as well, so an orderly end may use its grace.
  await eventually(() => assert.throws(() => process.kill(processorPid, 0), /ESRCH/), { timeoutMs: 40_000 });
  await eventually(() => assert.rejects(fetch(`${url}/livez`)), { timeoutMs: 40_000 });
});

test('a second npm start in the same folder says that one runs, and ends', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'hooktail-start-'));
  context.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  const first = await start(context, folder);
  const second = watchChild(spawn(process.execPath, ['--import', import.meta.resolve('tsx'), path('tools/start.ts')], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }));
  await second.line('npm start runs here already');
  assert.equal((await second.exit).code, 1);
  await first.child.kill('SIGTERM');
});
