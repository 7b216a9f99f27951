/**
 * The headers that a target may ask for with every attempt. Refused is what would change how the message is framed or where it
 * goes, what describes the body, and what receivers take as our word. `authorization` is allowed: that is what they are for.
 */
import type { FieldFault } from './filter-reading.ts';

export const MOST_HEADERS = 20;
const LONGEST_VALUE = 1_024;

/** A token (RFC 9110), less the signs that other places read something into; begins with a letter. */
const NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const VALUE = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;

/** Hop by hop (RFC 9110 section 7.6.1, and what old proxies add to it), and what the client sets itself. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'trailers', 'transfer-encoding', 'upgrade', 'http2-settings', 'expect', 'host', 'user-agent',
]);
const FORBIDDEN_PREFIXES = ['content-', 'webhook-', 'hooktail-'];

export type HeadersReading = { readonly ok: true; readonly headers: Readonly<Record<string, string>> } | { readonly ok: false; readonly faults: readonly FieldFault[] };

/** Names are kept in lower case. Pointers are from where the headers stand. */
export function readHeaders(given: Readonly<Record<string, string>>): HeadersReading {
  const entries = Object.entries(given).map(([name, value]) => [name.toLowerCase(), value] as const);
  const faults = Object.entries(given).flatMap(([name, value]) => faultOf(name, value));
  if (entries.length > MOST_HEADERS) faults.push({ pointer: '', message: `Expected at most ${MOST_HEADERS} headers, got ${entries.length}` });
  if (new Set(entries.map(([name]) => name)).size < entries.length) faults.push({ pointer: '', message: 'Expected each header once, whatever the case of its letters' });
  return faults.length > 0 ? { ok: false, faults } : { ok: true, headers: Object.fromEntries(entries) };
}

function faultOf(name: string, value: string): readonly FieldFault[] {
  const message = nameFault(name.toLowerCase()) ?? valueFault(value);
  return message === null ? [] : [{ pointer: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, message }];
}

function nameFault(name: string): string | null {
  if (!NAME.test(name)) return 'Expected a name of 1 to 64 letters, digits, - or _, beginning with a letter';
  return FORBIDDEN.has(name) || FORBIDDEN_PREFIXES.some((prefix) => name.startsWith(prefix)) ? 'This header is not yours to set: it belongs to the connection, the body or the signature' : null;
}

function valueFault(value: string): string | null {
  if (value === HIDDEN) return 'Expected the value itself, got what is shown in its place';
  return value.length <= LONGEST_VALUE && VALUE.test(value) ? null : `Expected 1 to ${LONGEST_VALUE} visible ASCII characters, with spaces only between them`;
}

const HIDDEN = '***';
const TELLS_OF_A_SECRET = /auth|token|secret|key|cookie|password|signature|credential/;

/** As they may be shown: what looks like a credential by its name is hidden. */
export const shownHeaders = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, TELLS_OF_A_SECRET.test(name) ? HIDDEN : value]));
