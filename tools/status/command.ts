/** `npm run status`: looks once, or again and again, and says by its exit code whether something is not being delivered. */
import type { Keyring } from '../../src/domain/sealing.ts';
import { messageOf, scrubUris } from '../../src/runtime/errors.ts';
import type { Connection } from '../../src/store/client.ts';
import { countByKey } from '../../src/store/sealed-secrets.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { isTransient } from '../../src/store/write-errors.ts';
import { parseArguments } from '../cli/arguments.ts';
import type { ToolContext } from '../cli/context.ts';
import { keyringOf } from '../cli/database.ts';
import { EXIT, type ExitCode } from '../cli/exit-codes.ts';
import { helpText } from '../cli/help.ts';
import { ToolError } from '../cli/tool-error.ts';
import { findConnection } from '../replay/connection.ts';
import { STATUS_HELP, STATUS_OPTIONS, type StatusValues } from './options.ts';
import { screenLines } from './report.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';
import { warningsOf } from './warnings.ts';

/** @param clear empties the screen before each look, where there is one */
export async function statusCommand(context: ToolContext, clear: () => void): Promise<ExitCode> {
  const parsed = parseArguments(context.argv, STATUS_OPTIONS);
  if (parsed.kind === 'help') {
    context.out(helpText(STATUS_HELP));
    return EXIT.done;
  }
  const { connection } = await findConnection(context.environment, context.folder);
  const store = await openAsGiven(connection, keyringOf(context.environment));
  try {
    return await (parsed.values.watch === null ? look(store, parsed.values, context) : watch(store, { ...parsed.values, everyMs: parsed.values.watch * 1_000 }, context, clear));
  } finally {
    await connection.close();
  }
}

/** Without all the keys it cannot tell which secrets open, so it does not try. */
async function openAsGiven({ db }: Connection, keyring: Keyring): Promise<Store> {
  const uses = await countByKey(openStore(db)).catch((error: unknown) => {
    throw asLost(error);
  });
  return openStore(db, uses.every(({ keyId }) => keyId === null || keyring.byId.has(keyId)) ? keyring : null);
}

const asLost = (error: unknown): unknown => (isTransient(error) ? new ToolError(EXIT.unreachable, 'mongodb_lost', `Lost MongoDB: ${scrubUris(messageOf(error))}`, { cause: error }) : error);

async function look(store: Store, values: StatusValues, context: ToolContext): Promise<ExitCode> {
  try {
    return show(await takeSnapshot(store), values, context);
  } catch (error) {
    throw asLost(error);
  }
}

/** An outage is what somebody who watches wants to see the end of: it is told, and looking goes on. */
async function watch(store: Store, values: StatusValues & { readonly everyMs: number }, context: ToolContext, clear: () => void): Promise<ExitCode> {
  while (!context.signal.aborted) {
    try {
      const snapshot = await takeSnapshot(store);
      if (!values.json) clear();
      show(snapshot, values, context);
    } catch (error) {
      if (!isTransient(error)) throw error;
      context.note(`MongoDB does not answer: ${scrubUris(messageOf(error))}`);
    }
    await context.clock.sleep(values.everyMs, context.signal);
  }
  return EXIT.done;
}

function show(snapshot: Snapshot, { json }: StatusValues, { out, paint }: ToolContext): ExitCode {
  const warnings = warningsOf(snapshot);
  if (json) out(JSON.stringify({ kind: 'status', ...snapshot, warnings }));
  else screenLines(snapshot, warnings, paint).forEach((line) => out(line));
  return warnings.some(({ level }) => level === 'broken') ? EXIT.someFailed : EXIT.done;
}
