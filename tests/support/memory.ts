/** The memory of the test's own process, without what only waits to be collected: rubbish is not a leak. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Resident bytes after a full collection. */
export function residentBytes(): number {
  collect();
  return process.memoryUsage.rss();
}
