/** `npm run keys`: one of its three words, done. */
import { newAuditId } from '../../src/domain/ids.ts';
import { newMasterKey } from '../../src/domain/sealing.ts';
import { insertAudit } from '../../src/store/audit.ts';
import { countByKey, rewrapAll, type KeyUse } from '../../src/store/sealed-secrets.ts';
import type { Store } from '../../src/store/store.ts';
import { parseArguments } from '../cli/arguments.ts';
import type { ToolContext } from '../cli/context.ts';
import { withStore } from '../cli/database.ts';
import { EXIT, type ExitCode } from '../cli/exit-codes.ts';
import { helpText } from '../cli/help.ts';
import { usageError } from '../cli/tool-error.ts';
import { firstWord } from '../cli/words.ts';
import { plural } from '../replay/report.ts';
import { KEYS_HELP, KEYS_OPTIONS, KEYS_WORDS, type KeysValues } from './options.ts';

export async function keysCommand(context: ToolContext): Promise<ExitCode> {
  const word = firstWord(context.argv, KEYS_WORDS);
  const parsed = parseArguments(context.argv.slice(1), KEYS_OPTIONS);
  if (word === null || parsed.kind === 'help') {
    context.out(helpText(KEYS_HELP));
    return EXIT.done;
  }
  switch (word) {
    case 'make':
      return make(parsed.values, context);
    case 'count':
      return withStore(context, (store) => count(store, parsed.values, context));
    case 'rewrap':
      return withStore(context, (store) => rewrap(store, parsed.values, context));
  }
}

function make({ json }: KeysValues, { out, note }: ToolContext): ExitCode {
  const key = newMasterKey();
  out(json ? JSON.stringify({ kind: 'key', id: key.slice(0, key.indexOf(':')), key }) : key);
  note('Keep it where the database is not: without it, what it has sealed cannot be opened again');
  return EXIT.done;
}

async function count(store: Store, { json }: KeysValues, { out }: ToolContext): Promise<ExitCode> {
  const { newest, byId } = store.vault.keyring;
  const uses = (await countByKey(store)).map((use) => ({ ...use, isNewest: use.keyId !== null && use.keyId === newest?.id, isAtHand: use.keyId === null || byId.has(use.keyId) }));
  if (json) out(JSON.stringify({ kind: 'keys', newest: newest?.id ?? null, uses }));
  else if (uses.length === 0) out('No secrets are stored');
  else for (const use of uses) out(`${use.keyId ?? 'plain'}  ${plural(use.secrets, 'secret')}${use.isNewest ? ', the newest key' : ''}${use.isAtHand ? '' : ', a key that is not set here'}`);
  return EXIT.done;
}

async function rewrap(store: Store, { json }: KeysValues, context: ToolContext): Promise<ExitCode> {
  const { newest } = store.vault.keyring;
  if (newest === null) throw usageError('rewrap: expected a key in HOOKTAIL_MASTER_KEY or HOOKTAIL_MASTER_KEY_FILE, got none');
  await record(store, newest.id, context);
  const { sealed, unreadable } = await untilNoneIsMissed(store, context);
  context.progress('');
  const left = await countByKey(store);
  if (json) context.out(JSON.stringify({ kind: 'rewrap', newest: newest.id, sealed, unreadable, uses: left }));
  else summary(sealed, unreadable, left, newest.id).forEach((line) => context.out(line));
  if (context.signal.aborted) return EXIT.interrupted;
  return unreadable.length > 0 ? EXIT.someFailed : EXIT.done;
}

/** What somebody changed while it was being sealed is looked at again; everything it meets on the way is done by then. */
async function untilNoneIsMissed(store: Store, { signal, progress }: ToolContext): Promise<{ readonly sealed: number; readonly unreadable: readonly string[] }> {
  let sealed = 0;
  for (;;) {
    const before = sealed;
    const pass = await rewrapAll(store, { signal, onPage: (count) => progress(`${before + count} sealed`) });
    sealed += pass.sealed;
    if (pass.missed === 0 || signal.aborted) return { sealed, unreadable: pass.unreadable };
  }
}

function record(store: Store, keyId: string, { clock }: ToolContext): Promise<void> {
  const nowMs = clock.now();
  return insertAudit(store, { id: newAuditId(nowMs), at: new Date(nowMs), actor: 'tool', action: 'secrets.rewrapped', subject: 'secrets', changes: { after: { keyId } }, requestId: null });
}

const summary = (sealed: number, unreadable: readonly string[], left: readonly KeyUse[], newest: string): readonly string[] => [
  `${plural(sealed, 'secret')} sealed under ${newest}`,
  ...unreadable.map((name) => `does not open, left as it is: ${name}`),
  ...left.filter(({ keyId }) => keyId !== newest).map(({ keyId, secrets }) => `still ${keyId === null ? 'plain' : `under ${keyId}`}: ${plural(secrets, 'secret')}`),
];
