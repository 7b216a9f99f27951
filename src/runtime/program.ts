/**
 * What every program of ours does around its work: one clear line and a non-zero exit when it cannot run, an orderly end on
 * the first SIGTERM or SIGINT, an end at once on the second, and no life after its parent's when that holds a channel to it.
 */
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeFault, messageOf } from './errors.ts';
import type { Telemetry } from './telemetry.ts';

export interface Running {
  /** Ends in order; resolves when all is done. */
  readonly stop: () => Promise<void>;
  /** Rejects when the program cannot go on. */
  readonly failed: Promise<never>;
  readonly telemetry: Telemetry;
  /** Where it can be reached, for whoever started it and holds a channel to it. */
  readonly url?: string;
}

/** Sent over the channel once the program runs. */
export interface StartedMessage {
  readonly started: true;
  readonly url: string | null;
}

const FAILED = 1;

/** Whether this module was started as the program itself. */
export function isMain(moduleUrl: string): boolean {
  const script = process.argv[1] ?? '';
  const file = [script, `${script}.ts`].find((path) => path !== '' && existsSync(path));
  return file !== undefined && realpathSync(file) === fileURLToPath(moduleUrl);
}

/** Runs a program until it is told to stop or fails, and ends the process. */
export async function runProgram(start: () => Promise<Running>): Promise<void> {
  try {
    const told = untilTold();
    const running = await start();
    tellParent({ started: true, url: running.url ?? null });
    const reason = await Promise.race([told, running.failed]);
    await stopInOrder(running, reason);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`hooktail: ${describeFault(error)}\n`);
    process.exit(FAILED);
  }
}

/** A parent that has gone meanwhile is told of by the closed channel; what could not be sent to it is no failure of ours. */
function tellParent(message: StartedMessage): void {
  process.send?.(message, undefined, undefined, () => undefined);
}

async function stopInOrder({ stop, telemetry }: Running, reason: string): Promise<void> {
  const startedAt = performance.now();
  telemetry.emit('process.stopping', { reason });
  await stop();
  telemetry.emit('process.stopped', { tookMs: Math.round(performance.now() - startedAt) });
}

/** Resolves with the reason to stop; a second signal ends the process on the spot. */
function untilTold(): Promise<string> {
  return new Promise((resolve) => {
    let told = false;
    const tell = (reason: string): void => {
      if (told && reason !== 'parent gone') process.exit(FAILED);
      told = true;
      resolve(reason);
    };
    process.on('SIGTERM', () => tell('SIGTERM'));
    process.on('SIGINT', () => tell('SIGINT'));
    process.on('disconnect', () => tell('parent gone'));
    if (process.send !== undefined && !process.connected) tell('parent gone'); // It went while this program was being read: that event is past.
  });
}

/** A promise that `fail` rejects; the first failure counts. */
export function failure(telemetry: Telemetry): { readonly failed: Promise<never>; readonly fail: (error: unknown) => void } {
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = (error) => {
      telemetry.emit('process.failed', { error: messageOf(error) });
      reject(error instanceof Error ? error : new Error(messageOf(error)));
    };
  });
  failed.catch(() => undefined); // Whoever runs the program looks at it; a test may not.
  return { failed, fail };
}
