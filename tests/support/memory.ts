/** The memory of the test's own process, without what only waits to be collected: rubbish is not a leak. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Resident bytes after a full collection; what was collected gives its native memory back in the next turn of the loop. */
export async function residentBytes(): Promise<number> {
  collect();
  await nextTurn();
  collect();
  return process.memoryUsage.rss();
}
