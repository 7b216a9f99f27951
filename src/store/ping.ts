/** Whether there is a primary to write to. */
import type { Db } from 'mongodb';

/** @throws when no primary answers in time. */
export async function pingPrimary(db: Db): Promise<void> {
  const hello = await db.command({ hello: 1 });
  if (hello['isWritablePrimary'] !== true) throw new Error('the server reached is not the primary');
}
