/** Which write commands some statements come to: run on a connection that tells of every command. */
import { MongoClient, type CommandStartedEvent } from 'mongodb';
import { openStore, type Store } from '../../src/store/store.ts';

const WRITE_COMMANDS = ['insert', 'update', 'delete', 'findAndModify'];

export interface Watched {
  readonly uri: string;
  readonly databaseName: string;
}

export async function writesOf({ uri, databaseName }: Watched, run: (store: Store) => Promise<unknown>): Promise<readonly CommandStartedEvent[]> {
  const client = await new MongoClient(uri, { monitorCommands: true }).connect();
  try {
    const started: CommandStartedEvent[] = [];
    client.on('commandStarted', (event) => started.push(event));
    await run(openStore(client.db(databaseName)));
    return started.filter(({ commandName }) => WRITE_COMMANDS.includes(commandName));
  } finally {
    await client.close();
  }
}
