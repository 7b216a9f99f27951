/**
 * One short conversation with one mongod, whatever its role in the set: a direct connection, closed at the end.
 * Its limits are short because a paused node accepts connections and then says nothing.
 */
import { MongoClient, type Db } from 'mongodb';

export async function askNode<T>(port: number, talk: (admin: Db) => Promise<T>): Promise<T> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/`, {
    directConnection: true,
    serverSelectionTimeoutMS: 2_000,
    connectTimeoutMS: 2_000,
    socketTimeoutMS: 10_000,
    maxPoolSize: 1,
  });
  try {
    await client.connect();
    return await talk(client.db('admin'));
  } finally {
    await client.close();
  }
}
