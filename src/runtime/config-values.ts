/** How one configuration value is read from its text: the value, or in words what was expected. Pure. */
import { isIP } from 'node:net';

export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly expected: string };

const ok = <T>(value: T): Reading<T> => ({ ok: true, value });
const expected = (words: string): { readonly ok: false; readonly expected: string } => ({ ok: false, expected: words });

export const readText = (pattern: RegExp, words: string) => (text: string): Reading<string> => (pattern.test(text) ? ok(text) : expected(words));

export const readWord = <Word extends string>(words: readonly Word[]) => (text: string): Reading<Word> => {
  const found = words.find((word) => word === text);
  return found === undefined ? expected(`one of ${words.join(', ')}`) : ok(found);
};

/** A whole number in [least, most]. */
export const readCount = (least: number, most: number) => (text: string): Reading<number> => {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? ok(value) : expected(`a whole number from ${least} to ${most}`);
};

/** Starts per second: 0 for no limit, else 0.001 to 1000. */
export function readRate(text: string): Reading<number> {
  const value = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
  return value === 0 || (value >= 0.001 && value <= 1000) ? ok(value) : expected('a number from 0 to 1000, with at most three decimals');
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;

/** `250ms`, `5s`, `30m`, `2h`, `1d` in milliseconds; null when the text is none of these. */
export function parseDuration(text: string): number | null {
  const [, digits, unit] = DURATION.exec(text) ?? [];
  return digits === undefined || unit === undefined ? null : Number(digits) * (UNITS_MS[unit] ?? NaN);
}

/** Bare digits are milliseconds; a unit may be given. */
export const readDuration = (leastMs: number, mostMs: number) => (text: string): Reading<number> => {
  const value = parseDuration(/^\d+$/.test(text) ? `${text}ms` : text);
  return value !== null && value >= leastMs && value <= mostMs ? ok(value) : expected(`milliseconds from ${leastMs} to ${mostMs}, or a duration such as 20s`);
};

const LONGEST_DELAY_MS = 7 * 86_400_000;

/** Comma-separated delays, 1 to 50 of them, each 1 ms to 7 days. */
export function readSchedule(text: string): Reading<readonly number[]> {
  const delays = text.split(',').map((part) => parseDuration(part.trim()));
  const fit = delays.filter((delay): delay is number => delay !== null && delay >= 1 && delay <= LONGEST_DELAY_MS);
  return fit.length === delays.length && fit.length <= 50 ? ok(fit) : expected('1 to 50 delays such as 5s,5m,2h, each up to 7d');
}

export const readUrl = (protocols: readonly string[]) => (text: string): Reading<string> => {
  const words = `an address starting with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
  if (protocols.includes('mongodb:')) return protocols.some((protocol) => text.startsWith(`${protocol}//`)) ? ok(text) : expected(words);
  return URL.canParse(text) && protocols.includes(new URL(text).protocol) ? ok(text) : expected(words);
};

export const readSecrets = (keyOf: (secret: string) => Uint8Array | null) => (text: string): Reading<readonly string[]> => {
  const secrets = text.split(',').map((part) => part.trim()).filter((part) => part !== '');
  const usable = secrets.length > 0 && secrets.every((secret) => keyOf(secret) !== null);
  return usable ? ok(secrets) : expected('secrets separated by commas; whsec_ must be followed by at least 16 bytes in base64');
};

/** No key by mistake: what cannot be read as a file is told with its name. */
export const readPath = (text: string): Reading<string> => (/^[^\u0000-\u001f]{1,4096}$/.test(text) && !/[A-Za-z0-9+/]{43}=/.test(text) ? ok(text) : expected('the path of a file, not a key itself'));

/** One or several keys, no two of one id. */
export const readMasterKeys = <Key extends { readonly id: string }>(keyOf: (text: string) => Key | null) => (text: string): Reading<readonly Key[]> => {
  const keys = text.split(/[,\s]+/).filter((part) => part !== '').map(keyOf);
  const usable = keys.filter((key) => key !== null);
  if (keys.length === 0 || usable.length < keys.length) return expected('keys of 32 bytes in base64, or id:base64, separated by commas');
  return new Set(usable.map(({ id }) => id)).size === usable.length ? ok(usable) : expected('keys with an id each, no two the same');
};

export function readFlag(text: string): Reading<boolean> {
  return text === 'true' || text === 'false' ? ok(text === 'true') : expected('true or false');
}

export function readPorts(text: string): Reading<readonly number[]> {
  const ports = text.split(',').map((part) => (/^\s*\d{1,5}\s*$/.test(part) ? Number(part) : NaN));
  return ports.every((port) => port >= 1 && port <= 65_535) ? ok(ports) : expected('ports from 1 to 65535, separated by commas');
}

export function readCidrs(text: string): Reading<readonly string[]> {
  const cidrs = text.split(',').map((part) => part.trim());
  return cidrs.every(isCidr) ? ok(cidrs) : expected('networks such as 10.0.0.0/8 or ::1/128, separated by commas');
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(address);
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}
