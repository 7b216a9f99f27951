/**
 * Who sends a request, as far as rates are concerned: the address of the connection or, behind that many trusted proxies, what
 * the outermost of them has seen. What stands further left in `X-Forwarded-For` anybody can have written. Of an IPv6 address the
 * first 64 bits count: the rest are a subscriber's to choose.
 */
import type { IncomingMessage } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import type { Context } from 'hono';

export type AddressOf = (context: Context) => string;

/** Where there is no connection: an app that is asked directly. */
const NOWHERE = 'nowhere';
const MAPPED_IPV4 = /^::ffff:(?=[\d.]+$)/i;

export function createAddressOf(trustedProxies: number): AddressOf {
  return (context) => {
    const socketAddress = addressOfSocket(context);
    if (trustedProxies === 0) return networkOf(socketAddress);
    const forwarded = context.req.header('x-forwarded-for')?.split(',') ?? [];
    const told = forwarded[Math.max(0, forwarded.length - trustedProxies)]?.trim() ?? '';
    return networkOf(isIPv4(told) || isIPv6(told) ? told : socketAddress);
  };
}

function addressOfSocket({ env }: Context): string {
  const { incoming } = (env ?? {}) as { readonly incoming?: IncomingMessage };
  return incoming?.socket.remoteAddress ?? NOWHERE;
}

function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const ipv4 = address.replace(MAPPED_IPV4, '');
  return ipv4.includes(':') ? first64Bits(ipv4) : ipv4;
}

/** The first four groups, zeros that `::` stands for included. */
function first64Bits(address: string): string {
  const [left = '', right] = address.toLowerCase().split('::');
  const [before, after] = [left, right ?? ''].map((side) => side.split(':').filter((group) => group !== '')) as [string[], string[]];
  const zeros = right === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  return `${[...before, ...Array.from({ length: zeros }, () => '0'), ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
