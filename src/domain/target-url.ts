/**
 * Whether a URL may be a target's, as far as it tells by itself: said when it is saved, so that whoever makes a slip hears of
 * it at once. What protects the network is the look at the address that is really dialled; a name may lead anywhere by then.
 */
import { isIP } from 'node:net';

/** Why an address must not be dialled, in words; null when it may. */
export type RefusesAddress = (address: string) => string | null;

const LONGEST = 2_048;
const LOCALHOST = /^(.+\.)?localhost\.?$/;

/** What is wrong with it, in words; null when nothing is. Odd spellings of an address are read as URLs are (WHATWG URL). */
export function targetUrlFault(text: string, refusesAddress: RefusesAddress): string | null {
  if (text.length > LONGEST || /[\s\u0000-\u001f\u007f]/.test(text) || !URL.canParse(text)) return `Expected a URL of at most ${LONGEST} characters, without spaces`;
  const { protocol, username, password, hostname } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return 'Expected http or https';
  if (username !== '' || password !== '' || /^[a-z]+:[\\/]*[^\\/?#]*@/i.test(text)) return 'Expected no user name or password in the URL; a header such as authorization can carry them';
  if (text.includes('#')) return 'Expected no fragment: it is never sent';
  return hostFault(hostname, refusesAddress);
}

function hostFault(hostname: string, refusesAddress: RefusesAddress): string | null {
  const host = hostname.replace(/^\[|\]$/g, '');
  const literal = isIP(host) !== 0 ? host : LOCALHOST.test(host) ? '127.0.0.1' : null;
  const refusal = literal === null ? null : refusesAddress(literal);
  return refusal === null ? null : `Expected a host that may be sent to: ${refusal}`;
}
