/**
 * What may stand in a log line: a list of fields, each with what is done to it. A field that is not listed is not written, and does
 * not compile, so that nothing new is written by accident. Bodies, secrets, signatures and tokens are no fields, and where a text of
 * others could hold one, it is taken out.
 */
import { scrubSecrets, scrubUris } from './errors.ts';
import type { TelemetryEvents, TelemetryName } from './telemetry.ts';

type FieldsOf<Fields> = Fields extends unknown ? keyof Fields : never;
export type LogField = FieldsOf<TelemetryEvents[TelemetryName]>;

/** `plain`: ids, numbers and words of ours. `text`: words of others, or of errors. `address`: where something leads, without what may be secret in it. */
type Treatment = 'plain' | 'text' | 'address';

const FIELDS: Readonly<Record<LogField, Treatment>> = {
  action: 'plain', ageMs: 'plain', atMs: 'plain', changes: 'plain', code: 'plain', count: 'plain', delayMs: 'plain', deliveryId: 'plain', duplicate: 'plain', durationMs: 'plain',
  eventId: 'plain', forMs: 'plain', from: 'plain', holdMs: 'plain', loop: 'plain', masterKey: 'plain', member: 'plain', number: 'plain', offered: 'plain', openings: 'plain', outcome: 'plain', parked: 'plain', pid: 'plain',
  requestId: 'plain', route: 'plain', sessionId: 'plain', source: 'plain', status: 'plain', subject: 'plain', targetId: 'plain', term: 'plain', tookMs: 'plain', use: 'plain', verdict: 'plain', write: 'plain',
  error: 'text', fix: 'text', reason: 'text', type: 'text',
  url: 'address',
};

const LONGEST_TEXT = 2_000;

/** Value by value, before they are joined: in a finished line an address could swallow what follows it. */
export function writtenFields<Fields extends object>(fields: Fields): Fields {
  const written: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields) as [LogField, unknown][]) {
    const treatment = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (treatment === undefined || (typeof value === 'object' && value !== null)) continue;
    // A delivery's id begins with its event's: whoever looks for the event must find it under one name.
    if (name === 'deliveryId' && typeof value === 'string') written['eventId'] = value.split('/')[0];
    written[name] = typeof value === 'string' ? treated(value, treatment) : value;
  }
  return written as Fields;
}

function treated(text: string, treatment: Treatment): string {
  if (treatment === 'address') return addressOnly(text);
  return treatment === 'plain' ? scrubUris(text) : scrubSecrets(text).slice(0, LONGEST_TEXT);
}

/** The query of a receiver's address often holds a key. */
function addressOnly(text: string): string {
  if (!URL.canParse(text)) return '***';
  const { protocol, host, pathname, search, username, password, hash } = new URL(text);
  if (search + username + password + hash === '') return text; // As it was given: programs read their own addresses here.
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?***'}`;
}
