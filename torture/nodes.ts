/** The nodes of a run's replica set, found by their role, and what an administrator can do to them. */
import type { LocalMongo, MongoNode } from '../tools/local-mongo.ts';
import { askNode } from '../tools/local-mongo/ask-node.ts';

/** The one that takes writes now; null while there is none. */
export async function primaryOf({ nodes }: LocalMongo): Promise<MongoNode | null> {
  const roles = await Promise.all(nodes.filter(({ running }) => running).map(async (node) => ({ node, isPrimary: await isPrimary(node) })));
  return roles.find((role) => role.isPrimary)?.node ?? null;
}

const isPrimary = ({ port }: MongoNode): Promise<boolean> =>
  askNode(port, async (admin) => (await admin.command({ hello: 1 }))['isWritablePrimary'] === true).catch(() => false);

/** Makes the primary step down; the connection may end before the answer, and that is an answer too. */
export async function stepDown({ port }: MongoNode): Promise<void> {
  await askNode(port, (admin) => admin.command({ replSetStepDown: 10, force: true })).catch(() => undefined);
}

interface Operation {
  readonly opid?: number | bigint;
  readonly ns?: string;
  readonly cursor?: { readonly cursorId?: unknown };
}

/** Kills what Hooktail's streams run on this node, operations and cursors; answers how many. */
export function killStreams({ port }: MongoNode): Promise<number> {
  return askNode(port, async (admin) => {
    const operations = await admin.aggregate<Operation>([{ $currentOp: { allUsers: true, idleCursors: true } }, { $match: { appName: 'hooktail-stream', 'cursor.cursorId': { $exists: true } } }], { useBigInt64: true }).toArray();
    for (const { opid, ns = '', cursor } of operations) {
      if (opid !== undefined) await admin.command({ killOp: 1, op: opid });
      const [database = '', ...collection] = ns.split('.');
      if (database !== '') await admin.client.db(database).command({ killCursors: collection.join('.'), cursors: [cursor?.cursorId] });
    }
    return operations.length;
  });
}
