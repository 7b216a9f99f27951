/**
 * The guarded door out. The address that is really dialled is checked, whether it came as a literal or from DNS, and every
 * answer must pass; a check of the name alone would let a changed DNS answer through. Everything but public unicast is
 * refused unless a listed network holds it. Literal hosts never reach `lookup`, so they are checked in the connector itself; and
 * where the connection has really led is looked at once more before a byte is sent.
 */
import { lookup as dnsLookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';
import type { UrlRules } from '../domain/target-url.ts';
import type { Config } from '../runtime/config.ts';

export class BlockedAddressError extends Error {
  override readonly name = 'BlockedAddressError';
}

/** Why an address must not be dialled, in words; null when it may. */
export type AddressGuard = (address: string) => string | null;

/** Azure's platform address: public by its range, an internal service by its use. */
const PLATFORM_ADDRESSES: ReadonlySet<string> = new Set(['168.63.129.16']);

/** @param allowCidrs networks that are allowed although they are not public, such as `10.0.0.0/8`. */
export function createAddressGuard(allowCidrs: readonly string[]): AddressGuard {
  const allowed = allowCidrs.map((cidr) => ipaddr.parseCIDR(cidr));
  return (text) => {
    if (!ipaddr.isValid(text)) return `${text} is no address`;
    const address = ipaddr.process(text);
    if (allowed.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))) return null;
    if (PLATFORM_ADDRESSES.has(address.toString())) return `${text} is a platform address`;
    if (address instanceof ipaddr.IPv6 && address.range() === 'unicast' && !isGlobal(address)) return `${text} lies outside the public networks of IPv6`;
    return address.range() === 'unicast' ? null : `${text} is a ${address.range()} address; list its network in SSRF_ALLOW_CIDRS to allow it`;
  };
}

/** Where targets may be, by the configuration: asked when one is saved or registered, and before every send. */
export const createUrlRules = ({ ssrfRequireHttps: requireHttps, ssrfAllowPorts: allowPorts, ssrfAllowCidrs }: Pick<Config, 'ssrfRequireHttps' | 'ssrfAllowPorts' | 'ssrfAllowCidrs'>): UrlRules => ({
  requireHttps, allowPorts, addressFault: createAddressGuard(ssrfAllowCidrs),
});

/** All that is handed out for the public network of IPv6 lies in 2000::/3; beside it are wrapped IPv4 addresses and what has no use yet (RFC 4291 section 2.4). */
const isGlobal = (address: ipaddr.IPv6): boolean => address.match(ipaddr.IPv6.parse('2000::'), 3);

const CONNECT_TIMEOUT_MS = 5_000;

/** Every address of a name, as `dns.lookup` answers it with `all`. */
export type LookupAll = (hostname: string, options: LookupAllOptions, callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void) => void;

/** An undici connector that dials only what the guard lets through. */
export function guardedConnector(guard: AddressGuard, lookup: LookupAll = dnsLookup): buildConnector.connector {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(guard, lookup) });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    const refusal = isIP(host) === 0 ? null : guard(host);
    if (refusal === null) connect(options, checkingWhereItLed(guard, callback));
    else callback(new BlockedAddressError(refusal), null);
  };
}

/** Holds whatever way the address was found, now and in later versions of the client. */
const checkingWhereItLed = (guard: AddressGuard, callback: buildConnector.Callback): buildConnector.Callback => (...[error, socket]) => {
  const refusal = error === null && socket.remoteAddress !== undefined ? guard(socket.remoteAddress) : null;
  if (error !== null) callback(error, null);
  else if (refusal === null) callback(null, socket);
  else {
    socket.destroy();
    callback(new BlockedAddressError(refusal), null);
  }
};

function guardedLookup(guard: AddressGuard, lookup: LookupAll): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0);
      const fault = faultOf(guard, hostname, addresses);
      const [first] = addresses;
      if (fault !== null || first === undefined) callback(fault, '', 0);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function faultOf(guard: AddressGuard, hostname: string, addresses: readonly LookupAddress[]): Error | null {
  if (addresses.length === 0) return Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' });
  const refusal = addresses.map(({ address }) => guard(address)).find((found) => found !== null);
  return refusal === undefined ? null : new BlockedAddressError(refusal);
}
