/** Which of our nodes is the primary now, and looking at one node alone, whatever its role. */
import assert from 'node:assert/strict';
import { MongoClient, type Db } from 'mongodb';
import type { LocalMongo, MongoNode } from '../../tools/local-mongo.ts';

export interface Roles {
  readonly primary: MongoNode;
  readonly secondaries: readonly MongoNode[];
}

export async function rolesOf({ uri, nodes }: LocalMongo): Promise<Roles> {
  const client = await new MongoClient(uri).connect();
  try {
    const { primary: address } = (await client.db('admin').command({ hello: 1 })) as { primary?: string };
    const primary = nodes.find(({ port }) => address?.endsWith(`:${port}`)) ?? assert.fail(`Expected a primary among our nodes, got ${String(address)}`);
    return { primary, secondaries: nodes.filter((node) => node !== primary) };
  } finally {
    await client.close();
  }
}

/** Reads what this node itself holds, confirmed by others or not. */
export async function onNode<T>({ port }: MongoNode, database: string, look: (db: Db) => Promise<T>): Promise<T> {
  const client = await new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, { readPreference: 'secondaryPreferred', readConcern: { level: 'local' } }).connect();
  try {
    return await look(client.db(database));
  } finally {
    await client.close();
  }
}
