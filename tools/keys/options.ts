/** What `npm run keys` can be asked. */
import { flag, type ValuesOf } from '../cli/arguments.ts';
import type { HelpPage } from '../cli/help.ts';

export const KEYS_WORDS = ['make', 'count', 'rewrap'] as const;

export const KEYS_OPTIONS = { json: flag('One JSON object instead of lines') } as const;

export type KeysValues = ValuesOf<typeof KEYS_OPTIONS>;

export const KEYS_HELP: HelpPage = {
  examples: ['npm run --silent keys -- make', 'npm run keys -- count', 'npm run keys -- rewrap'],
  summary: 'Master keys, which seal the signing secrets in the database: makes one, counts what each has sealed, seals all anew under the newest.',
  options: KEYS_OPTIONS,
  notes: [
    'Keys come from HOOKTAIL_MASTER_KEY (newest first, separated by commas) or HOOKTAIL_MASTER_KEY_FILE, the database from MONGODB_URI and MONGODB_DB, all from the environment or .env.',
    'To exchange a key: make one; put it before the old one in the environment of every program and start them again; rewrap; when count shows nothing under the old one, take it away. Programs may run meanwhile, and rewrap may be ended and run again.',
    'Exit codes: 0 done; 1 some secrets do not open, and were left as they are; 2 wrong use or configuration; 3 MongoDB not reached; 130 interrupted.',
  ],
};
