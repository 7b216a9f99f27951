/**
 * Runs the tests of one kind: node --import tsx tools/test.ts unit|flow [file substrings...]
 *
 * It names the files itself, because the test runner of node 20 knows no globs, and given a folder it runs nothing and exits 0. For the same
 * reason a run of all files fails when fewer tests ran than the least number below.
 * Each run has a temporary folder of its own; a process that still works in it at the end is a leak, and a leak is a failure.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findMongod } from './local-mongo.ts';
import { makeTempDir } from './local-mongo/temp-dir.ts';
import { endProcesses, processesNaming } from './test/leaks.ts';
import { readSummary } from './test/summary.ts';

type Kind = 'unit' | 'flow';

const leastTests: Readonly<Record<Kind, number>> = { unit: 1500, flow: 320 };
const concurrency: Readonly<Record<Kind, number>> = { unit: 2, flow: 3 };
const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const lifeline = new URL('test/lifeline.ts', import.meta.url).href;
const repository = fileURLToPath(new URL('../', import.meta.url));

function filesOf(kind: Kind, substrings: readonly string[]): string[] {
  const files = readdirSync(join(repository, 'tests', kind)).filter((name) => name.endsWith('.test.ts')).sort();
  const chosen = substrings.length === 0 ? files : files.filter((name) => substrings.some((part) => name.includes(part)));
  return chosen.map((name) => join('tests', kind, name));
}

interface Run {
  readonly exitCode: number;
  readonly output: string;
}

async function runTests(kind: Kind, files: readonly string[], temporary: string): Promise<Run> {
  const args = ['--import', 'tsx', '--import', lifeline, '--test', '--test-reporter=spec', `--test-concurrency=${concurrency[kind]}`, ...files];
  const env = { ...process.env, TMPDIR: temporary, TEST_RUNNER_PID: String(process.pid), ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) };
  const child = spawn(process.execPath, args, { cwd: repository, env, stdio: ['inherit', 'pipe', 'inherit'] });
  const end = (): void => { child.kill('SIGKILL'); };
  process.once('exit', end);
  for (const signal of forwarded) process.on(signal, () => { child.kill(signal); });

  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    process.stdout.write(text);
    output = (output + text).slice(-20_000); // The closing summary is all we read.
  });
  const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null];
  process.off('exit', end);
  return { exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), output };
}

/** What is wrong with a run whose tests all passed. */
function shortfall(kind: Kind, output: string, whole: boolean): string | undefined {
  const least = whole ? leastTests[kind] : 1;
  const summary = readSummary(output);
  if (summary === undefined) return 'The test runner printed no closing summary';
  const ran = summary.tests - summary.skipped;
  return ran < least ? `Only ${ran} ${kind} tests ran, at least ${least} were expected` : undefined;
}

async function main([kind, ...substrings]: readonly string[]): Promise<number> {
  if (kind !== 'unit' && kind !== 'flow') return fail('Usage: tools/test.ts unit|flow [file substrings...]');
  const files = filesOf(kind, substrings);
  if (files.length === 0) return fail(`No file tests/${kind}/*.test.ts ${substrings.length === 0 ? 'exists' : `matches ${substrings.join(', ')}`}`);
  // Once, here: test files that start at the same moment would each fetch it.
  if (kind === 'flow') await findMongod({ note: (line) => console.log(line) });

  const folder = await makeTempDir('hooktail-test');
  const temporary = folder.path;
  try {
    const { exitCode, output } = await runTests(kind, files, temporary);
    const leaks = await processesNaming(temporary);
    if (leaks.length > 0) fail(`Processes outlived the tests:\n${leaks.map(({ pid, command }) => `  ${pid} ${command}`).join('\n')}`);
    await endProcesses(leaks, temporary);
    if (exitCode !== 0) return exitCode;
    const missing = shortfall(kind, output, substrings.length === 0);
    return missing === undefined ? Number(leaks.length > 0) : fail(missing);
  } finally {
    await folder.remove();
  }
}

function fail(message: string): number {
  console.error(message);
  return 1;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));
