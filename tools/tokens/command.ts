/** `npm run tokens`: one of its three words, done, with a record of what it changes. */
import { digestOf, newTokenText, type AdminToken } from '../../src/domain/admin-token.ts';
import { newAuditId, newTokenId } from '../../src/domain/ids.ts';
import { insertToken, listTokens, revokeToken } from '../../src/store/admin-tokens.ts';
import { insertAudit } from '../../src/store/audit.ts';
import type { Store } from '../../src/store/store.ts';
import { parseArguments } from '../cli/arguments.ts';
import type { ToolContext } from '../cli/context.ts';
import { withStore } from '../cli/database.ts';
import { EXIT, type ExitCode } from '../cli/exit-codes.ts';
import { printable } from '../cli/format.ts';
import { helpText } from '../cli/help.ts';
import { usageError } from '../cli/tool-error.ts';
import { firstWord } from '../cli/words.ts';
import { TOKENS_HELP, TOKENS_OPTIONS, TOKENS_WORDS, type TokensValues } from './options.ts';

export async function tokensCommand(context: ToolContext): Promise<ExitCode> {
  const word = firstWord(context.argv, TOKENS_WORDS);
  const parsed = parseArguments(context.argv.slice(1), TOKENS_OPTIONS);
  if (word === null || parsed.kind === 'help') {
    context.out(helpText(TOKENS_HELP));
    return EXIT.done;
  }
  const values: TokensValues = parsed.values;
  switch (word) {
    case 'create':
      return create(values, context);
    case 'list':
      return withStore(context, (store) => list(store, values, context));
    case 'revoke':
      return revoke(values, context);
  }
}

function create({ name, scope, expires, json }: TokensValues, context: ToolContext): Promise<ExitCode> {
  if (name === null || scope === null) throw usageError('create: expected --name and --scope');
  return withStore(context, async (store) => {
    const [id, token] = [newTokenId(context.clock.now()), newTokenText()];
    await record(store, context, { action: 'token.created', subject: id, changes: { after: { name, scope, expiresInSeconds: expires === null ? null : expires / 1_000 } } });
    const made = await insertToken(store, { id, name, scope, hash: digestOf(token).toString('hex'), expiresInMs: expires });
    context.out(json ? JSON.stringify({ kind: 'token', ...made, token }) : token);
    context.note(`${id} (${scope}${made.expiresAt === null ? '' : `, until ${made.expiresAt.toISOString()}`}). It is not shown again`);
    return EXIT.done;
  });
}

async function list(store: Store, { json }: TokensValues, { out }: ToolContext): Promise<ExitCode> {
  const tokens = await listTokens(store);
  if (json) out(JSON.stringify({ kind: 'tokens', tokens }));
  else if (tokens.length === 0) out('No tokens');
  else tokens.forEach((token) => out(lineOf(token)));
  return EXIT.done;
}

const lineOf = ({ id, name, scope, createdAt, expiresAt, revokedAt, lastUsedAt }: AdminToken): string =>
  [
    id, scope.padEnd(5), `made ${createdAt.toISOString()}`,
    ...(lastUsedAt === null ? ['never used'] : [`used ${lastUsedAt.toISOString()}`]),
    ...(expiresAt === null ? [] : [`until ${expiresAt.toISOString()}`]),
    ...(revokedAt === null ? [] : [`revoked ${revokedAt.toISOString()}`]),
    printable(name, 100),
  ].join('  ');

function revoke({ id, json }: TokensValues, context: ToolContext): Promise<ExitCode> {
  if (id === null) throw usageError('revoke: expected --id');
  return withStore(context, async (store) => {
    await record(store, context, { action: 'token.revoked', subject: id, changes: {} });
    const revoked = await revokeToken(store, id);
    if (json) context.out(JSON.stringify({ kind: 'revoked', token: revoked }));
    else context.out(revoked === null ? `There is no token ${id}` : `${id} is revoked; servers refuse it within a second`);
    return revoked === null ? EXIT.someFailed : EXIT.done;
  });
}

function record(store: Store, { clock }: ToolContext, change: { readonly action: string; readonly subject: string; readonly changes: Readonly<Record<string, unknown>> }): Promise<void> {
  const nowMs = clock.now();
  return insertAudit(store, { id: newAuditId(nowMs), at: new Date(nowMs), actor: 'tool', requestId: null, ...change });
}
