/**
 * What libfaketime leaves of programs that are killed: its shared memory and its semaphore, which it would remove at an orderly end.
 * Each is named by the program's pid; those of dead programs that came into being meanwhile are ours to remove.
 */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const PLACE = '/dev/shm';
const NAME = /faketime_(?:shm|sem)_(\d+)$/;

const leftovers = async (place: string): Promise<readonly string[]> => (await readdir(place).catch(() => [])).filter((name) => NAME.test(name));

const isDead = (name: string): boolean => !existsSync(`/proc/${NAME.exec(name)?.[1] ?? 'self'}`);

/** Runs something, and removes what it leaves there. */
export async function withoutLeftovers<Result>(run: () => Promise<Result>, place = PLACE): Promise<Result> {
  const before = new Set(await leftovers(place));
  try {
    return await run();
  } finally {
    const ours = (await leftovers(place)).filter((name) => !before.has(name) && isDead(name));
    await Promise.all(ours.map((name) => rm(join(place, name), { force: true })));
  }
}
