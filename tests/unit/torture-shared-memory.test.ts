/** A torture run leaves nothing in shared memory, and touches nothing of others there. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { withoutLeftovers } from '../../torture/shared-memory.ts';

/** Larger than any pid can be (2^22). */
const [DEAD, OTHER] = [99_999_999, 99_999_998];

test('what killed programs left is removed, also after a failure; what was there before, is alive or is no such thing stays', async () => {
  const place = await mkdtemp(join(tmpdir(), 'hooktail-shm-'));
  const put = (...names: readonly string[]): Promise<unknown> => Promise.all(names.map((name) => writeFile(join(place, name), '')));
  try {
    await put(`faketime_shm_${OTHER}`, 'faketime_shm_notes');
    const failing = withoutLeftovers(async () => {
      await put(`faketime_shm_${DEAD}`, `sem.faketime_sem_${DEAD}`, `faketime_shm_${process.pid}`, `other_${DEAD}`);
      throw new Error('the run failed');
    }, place);
    await assert.rejects(failing, /the run failed/);
    assert.deepEqual((await readdir(place)).toSorted(), [`faketime_shm_${OTHER}`, `faketime_shm_${process.pid}`, 'faketime_shm_notes', `other_${DEAD}`].toSorted());
  } finally {
    await rm(place, { recursive: true, force: true });
  }
});
