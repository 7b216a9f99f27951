/**
 * The guarded door out. The address that is really dialled is checked, whether it came as a literal or from DNS, and every
 * answer must pass; a check of the name alone would let a changed DNS answer through. Everything but public unicast is
 * refused unless a listed network holds it. Literal hosts never reach `lookup`, so they are checked in the connector itself.
 */
import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';

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
    if (isIpv4Compatible(address)) return `${text} wraps an IPv4 address`;
    return address.range() === 'unicast' ? null : `${text} is a ${address.range()} address; list its network in SSRF_ALLOW_CIDRS to allow it`;
  };
}

/** `::a.b.c.d`, deprecated by RFC 4291 section 2.5.5.1; its range counts as unicast, and what it wraps may be private. */
const isIpv4Compatible = (address: ipaddr.IPv4 | ipaddr.IPv6): boolean => address.range() === 'unicast' && address.kind() === 'ipv6' && address.toByteArray().slice(0, 12).every((byte) => byte === 0);

const CONNECT_TIMEOUT_MS = 5_000;

/** An undici connector that dials only what the guard lets through. */
export function guardedConnector(guard: AddressGuard): buildConnector.connector {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(guard) });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    const refusal = isIP(host) === 0 ? null : guard(host);
    if (refusal === null) connect(options, callback);
    else callback(new BlockedAddressError(refusal), null);
  };
}

function guardedLookup(guard: AddressGuard): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
      const refusal = error === null ? firstRefusal(guard, addresses) : null;
      const [first] = error === null ? addresses : [];
      if (error !== null || refusal !== null || first === undefined) callback(error ?? new BlockedAddressError(refusal ?? `${hostname} has no address`), '', 0);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

const firstRefusal = (guard: AddressGuard, addresses: readonly LookupAddress[]): string | null => addresses.map(({ address }) => guard(address)).find((refusal) => refusal !== null) ?? null;
