/** The options of `npm run status`. */
import { readCount } from '../../src/runtime/config-values.ts';
import { flag, option, type ValuesOf } from '../cli/arguments.ts';
import type { HelpPage } from '../cli/help.ts';

export const STATUS_OPTIONS = {
  watch: option({ value: 'SECONDS', help: 'Look again every so many seconds, until Ctrl-C', fallback: null, read: readCount(1, 3_600) }),
  json: flag('One JSON object a look instead of a screen'),
} as const;

export type StatusValues = ValuesOf<typeof STATUS_OPTIONS>;

export const STATUS_HELP: HelpPage = {
  examples: ['npm run status', 'npm run status -- --watch 2', 'npm run status -- --json'],
  summary: 'Shows processors, lanes with their owners, what is owed to each target, how far the streams are, and what is wrong, with the fix.',
  options: STATUS_OPTIONS,
  notes: [
    'Uses MONGODB_URI and MONGODB_DB from the environment or .env, else the MongoDB that npm start keeps under .data. It writes nothing, and reads little: counts end at a bound, shown as 100,000+.',
    'Exit codes: 0 all is well, or nothing worse than a hint; 1 something is not being delivered now; 2 wrong use or configuration, or a database of a newer release; 3 MongoDB not reached. With --watch, Ctrl-C ends it with 0.',
  ],
};
