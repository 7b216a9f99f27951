/** What `npm run tokens` can be asked: a word, and for each word its options. */
import { SCOPES } from '../../src/domain/scope.ts';
import { readDuration, readText, readWord } from '../../src/runtime/config-values.ts';
import { isTokenId, type TokenId } from '../../src/domain/ids.ts';
import { flag, option } from '../cli/arguments.ts';
import type { HelpPage } from '../cli/help.ts';

export const TOKENS_WORDS = ['create', 'list', 'revoke'] as const;

const [MINUTE_MS, TEN_YEARS_MS] = [60_000, 315_360_000_000];

export const TOKENS_OPTIONS = {
  name: option({ value: 'NAME', help: 'create: whose it is, or what it is for', fallback: null, read: readText(/^[^\u0000-\u001f\u007f]{1,100}$/, '1 to 100 characters without control characters') }),
  scope: option({ value: 'SCOPE', help: `create: ${SCOPES.join(', ')}; each may what those before it may`, fallback: null, read: readWord(SCOPES) }),
  expires: option({ value: 'TIME', help: 'create: how long it lives, such as 12h or 90d. Default: until it is revoked', fallback: null, read: readDuration(MINUTE_MS, TEN_YEARS_MS) }),
  id: option({ value: 'tok_…', help: 'revoke: which one', fallback: null, read: (text) => (isTokenId(text) ? { ok: true as const, value: text } : { ok: false as const, expected: 'a token id such as tok_01JD…' }) }),
  json: flag('One JSON object instead of lines'),
} as const;

export interface TokensValues {
  readonly name: string | null;
  readonly scope: (typeof SCOPES)[number] | null;
  readonly expires: number | null;
  readonly id: TokenId | null;
  readonly json: boolean;
}

export const TOKENS_HELP: HelpPage = {
  examples: ['npm run --silent tokens -- create --name deploy --scope write --expires 90d', 'npm run tokens -- list', 'npm run tokens -- revoke --id tok_01JD…'],
  summary: 'Tokens for everything but ingest and probes. One is shown when it is made, and never again: only its SHA-256 is kept.',
  options: TOKENS_OPTIONS,
  notes: [
    'Uses MONGODB_URI and MONGODB_DB from the environment or .env, else the MongoDB that npm start keeps under .data. A revoked token is refused within a second.',
    'As long as no token is live, a server on loopback asks for none; with the first one it does.',
    'Exit codes: 0 done; 1 there is no such token; 2 wrong use or configuration; 3 MongoDB not reached.',
  ],
};
