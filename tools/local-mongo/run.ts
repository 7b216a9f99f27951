/**
 * Runs one helper command to its end, bounded and abortable. A command that is missing or fails is an answer, not an exception:
 * the search for a mongod collects those answers and goes on.
 */
import { execFile } from 'node:child_process';

export type RunResult = { readonly kind: 'ok'; readonly output: string } | { readonly kind: 'missing' } | { readonly kind: 'failed'; readonly output: string };

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly cwd?: string;
}

export async function run(command: string, args: readonly string[], { env, timeoutMs, signal, cwd }: RunOptions): Promise<RunResult> {
  signal?.throwIfAborted();
  const result = await new Promise<RunResult>((resolve) => {
    execFile(command, args, { env, timeout: timeoutMs, cwd, signal, maxBuffer: 16_000_000 }, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: 'ok', output: stdout });
      else if (error.code === 'ENOENT') resolve({ kind: 'missing' });
      else resolve({ kind: 'failed', output: stderr.trim() || stdout.trim() || (error.killed === true ? `no answer within ${timeoutMs} ms` : error.message) });
    });
  });
  signal?.throwIfAborted();
  return result;
}
