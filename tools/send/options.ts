/** The options of `npm run send`, how each is read, and which of them exclude each other. */
import { readCount, readDuration, readText, readUrl } from '../../src/runtime/config-values.ts';
import type { Environment } from '../../src/runtime/config.ts';
import { anyText, flag, option, type ValuesOf } from '../cli/arguments.ts';
import type { HelpPage } from '../cli/help.ts';
import { usageError } from '../cli/tool-error.ts';

const DAY_MS = 86_400_000;

export const SEND_OPTIONS = {
  url: option({ value: 'URL', help: 'Where the server is. Default http://127.0.0.1:8000, or the PORT of the environment', fallback: null, read: readUrl(['http:', 'https:']) }),
  type: option({ value: 'TYPE', help: 'Event type. Default order.created', fallback: null, read: readText(/^\S{1,255}$/, '1 to 255 characters without a blank') }),
  data: option({ value: 'JSON', help: 'The event: JSON, @file, or - for stdin; sent byte for byte unless --type has to be put in', fallback: null, read: anyText }),
  key: option({ value: 'KEY', help: 'Idempotency key; the same key with the same bytes is the same event. Default: a new one', fallback: null, read: readText(/^[\x21-\x7e]{1,255}$/, '1 to 255 visible ASCII characters') }),
  sign: flag('Send nothing: print the signed headers as curl arguments, and the whole curl command'),
  standard: flag('Sign with the webhook-* headers of Standard Webhooks instead of X-Signature'),
  source: option({ value: 'NAME', help: 'Send to this source instead of the default one; INGEST_SECRET is then its secret', fallback: null, read: readText(/^[a-z0-9-]{1,40}$/, '1 to 40 of a-z, 0-9 and -') }),
  count: option({ value: 'N', short: 'n', help: 'How many events, each with its own key; more than one is not followed. Default 1', fallback: 1, read: readCount(1, 10_000_000) }),
  concurrency: option({ value: 'C', short: 'c', help: 'How many are in flight at once. Default 1', fallback: 1, read: readCount(1, 10_000) }),
  'same-key': flag('All -n events are the same one, with the same key'),
  size: option({ value: 'BYTES', help: 'Pad the made-up event to exactly this size', fallback: null, read: readCount(1, 100_000_000) }),
  'no-wait': flag('Do not follow the event until it is delivered'),
  timeout: option({ value: 'TIME', help: 'How long to wait for one answer, and for the delivery. Default 30s', fallback: 30_000, read: readDuration(1, DAY_MS) }),
  json: flag('One JSON object at the end instead of lines'),
} as const;

export type SendValues = ValuesOf<typeof SEND_OPTIONS>;

export const SEND_HELP: HelpPage = {
  examples: ['npm run send -- --type order.created', 'npm run send -- -n 200 -c 20'],
  summary: 'Sends signed events to the server: one, followed until it is delivered, or many, told in numbers.',
  options: SEND_OPTIONS,
  notes: [
    'The secret is INGEST_SECRET from the environment or .env, else .data/ingest-secret as npm start keeps it. ADMIN_TOKEN is sent when following.',
    'Exit codes: 0 done; 1 refused, failed or delivered to nobody; 2 wrong use or configuration; 3 server not reached; 5 timed out; 130 interrupted.',
  ],
};

/** @throws ToolError (exit 2) */
export function checkTogether(values: SendValues): void {
  if (values.sign && values.count > 1) throw usageError('--sign: expected without -n, since it shows one request');
  if (values['same-key'] && values.count === 1) throw usageError('--same-key: expected together with -n, which says how often');
}

/** The address without a slash at its end. An empty or useless PORT counts as unset. */
export function urlOf({ url }: SendValues, environment: Environment): string {
  const port = readCount(1, 65_535)(environment['PORT']?.trim() ?? '');
  return (url ?? `http://127.0.0.1:${port.ok ? port.value : 8000}`).replace(/\/+$/, '');
}
