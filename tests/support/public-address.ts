/**
 * Whether an address is public, worked out on whole numbers from IANA's registries of special-purpose addresses and nothing of
 * ours: the oracle for the guard. It answers no wherever an IPv6 address wraps another or belongs to nobody.
 */

/** Network and the number of its leading bits. */
type Network = readonly [base: bigint, bits: number];

/** IANA IPv4 Special-Purpose Address Registry, multicast, and Azure's platform address. */
const SPECIAL_4: readonly Network[] = [
  [ip4(0, 0, 0, 0), 8], [ip4(10, 0, 0, 0), 8], [ip4(100, 64, 0, 0), 10], [ip4(127, 0, 0, 0), 8], [ip4(169, 254, 0, 0), 16], [ip4(172, 16, 0, 0), 12], [ip4(192, 0, 0, 0), 24],
  [ip4(192, 0, 2, 0), 24], [ip4(192, 88, 99, 0), 24], [ip4(192, 168, 0, 0), 16], [ip4(198, 18, 0, 0), 15], [ip4(198, 51, 100, 0), 24], [ip4(203, 0, 113, 0), 24],
  [ip4(224, 0, 0, 0), 4], [ip4(240, 0, 0, 0), 4], [ip4(168, 63, 129, 16), 32], [ip4(192, 31, 196, 0), 24], [ip4(192, 52, 193, 0), 24], [ip4(192, 175, 48, 0), 24],
];

/** IANA IPv6 Special-Purpose Address Registry, as far as it lies in the public 2000::/3. */
const SPECIAL_6: readonly Network[] = [
  [0x2001_0000n << 96n, 23], [0x2001_0db8n << 96n, 32], [0x2002n << 112n, 16], [0x3fffn << 112n, 20], [0x2620_004f_8000n << 80n, 48],
];

export function ip4(a: number, b: number, c: number, d: number): bigint {
  return (BigInt(a) << 24n) | (BigInt(b) << 16n) | (BigInt(c) << 8n) | BigInt(d);
}

const holds = ([base, bits]: Network, address: bigint, width: number): boolean => address >> BigInt(width - bits) === base >> BigInt(width - bits);

export const isPublic4 = (address: bigint): boolean => !SPECIAL_4.some((network) => holds(network, address, 32));

/** An IPv4 address in its IPv6 clothes (`::ffff:a.b.c.d`) is dialled as the IPv4 address, and so judged as one. */
export function isPublic6(address: bigint): boolean {
  if (address >> 32n === 0xffffn) return isPublic4(address & 0xffff_ffffn);
  return address >> 125n === 0b001n && !SPECIAL_6.some((network) => holds(network, address, 128));
}
