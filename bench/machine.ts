/** On what was measured: no figure means much without it. */
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem, type as osType } from 'node:os';
import { join } from 'node:path';
import { findMongod } from '../tools/local-mongo.ts';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly mongod: string;
  /** With a + when something is not committed. */
  readonly commit: string;
  readonly packages: Readonly<Record<string, string>>;
}

const PACKAGES = ['mongodb', 'hono', '@hono/node-server', 'undici', 'bottleneck', 'bullmq', 'ioredis', 'graphile-worker', 'pg-boss', 'pg'] as const;

export async function readMachine(): Promise<Machine> {
  const { path } = await findMongod({});
  return {
    processor: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30), system: `${osType()} ${release()}`, node: process.version,
    mongod: /v([\d.]+)/.exec(run(path, ['--version']))?.[1] ?? 'unknown',
    commit: `${run('git', ['rev-parse', '--short', 'HEAD']).trim() || 'unknown'}${run('git', ['status', '--porcelain']) === '' ? '' : '+'}`,
    packages: Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
  };
}

function run(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return ''; // A checkout without git is no reason not to measure.
  }
}

const versionOf = (name: string): string => (JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')) as { readonly version: string }).version;

/** How fast the machine itself is just now: what it does differently from run to run is not the system's doing. */
export interface Calibration {
  /** Milliseconds for a fixed piece of computing. */
  readonly computeMs: number;
  /** Milliseconds for one flush of a file to disk, the middle one of several. */
  readonly flushMs: number;
}

const HMACS = 60_000;
const FLUSHES = 60;

export function calibrate(): Calibration {
  return { computeMs: timed(() => Array.from({ length: HMACS }, () => createHmac('sha256', 'key').update('payload').digest('hex'))), flushMs: flushTime() };
}

function flushTime(): number {
  const folder = mkdtempSync(join(tmpdir(), 'hooktail-flush-'));
  const file = openSync(join(folder, 'file'), 'w');
  try {
    const page = Buffer.alloc(4_096, 1);
    const times = Array.from({ length: FLUSHES }, () => timed(() => {
      writeSync(file, page);
      fdatasyncSync(file);
    }));
    return times.sort((a, b) => a - b)[FLUSHES / 2] ?? NaN;
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}

function timed(act: () => unknown): number {
  const fromMs = performance.now();
  act();
  return performance.now() - fromMs;
}
