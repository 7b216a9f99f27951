/** Where a target may be: schemes, ports, user names, and addresses in whatever spelling, against an oracle that knows only numbers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createAddressGuard } from '../../src/delivery/guard.ts';
import { urlFault, type UrlRules } from '../../src/domain/target-url.ts';
import { ip4, isPublic4, isPublic6 } from '../support/public-address.ts';

const RULES: UrlRules = { requireHttps: false, allowPorts: [], addressFault: createAddressGuard([]) };
const fault = (url: string, rules: Partial<UrlRules> = {}): string | null => urlFault(url, { ...RULES, ...rules });
const mayDial = (host: string): boolean => fault(`https://${host}/hook`) === null;

const octets = (address: bigint): readonly bigint[] => [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn);
const groups = (address: bigint): readonly bigint[] => Array.from({ length: 8 }, (_, index) => (address >> BigInt(112 - 16 * index)) & 0xffffn);
const dotted = (address: bigint): string => octets(address).join('.');
const colons = (address: bigint): string => groups(address).map((group) => group.toString(16)).join(':');

/** How one number of an address may be written. */
const RADIX: readonly ((part: bigint) => string)[] = [(part) => String(part), (part) => `0x${part.toString(16)}`, (part) => `0X${part.toString(16).toUpperCase()}`, (part) => `0${part.toString(8)}`, (part) => `0x000${part.toString(16)}`];

/** Into how many numbers: the last one takes all the bits that are left. */
function parts(address: bigint, count: number): readonly bigint[] {
  const whole = octets(address);
  return [...whole.slice(0, count - 1), whole.slice(count - 1).reduce((sum, octet) => (sum << 8n) | octet, 0n)];
}

/** How its characters may be written, without a change of meaning to a reader of URLs. */
const DISGUISES: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `${text}.`,
  (text) => text.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))), // Full-width digits.
  (text) => text.replaceAll('.', '\u3002'), // The ideographic full stop.
  (text) => text.replace(/./g, (character) => `%${character.charCodeAt(0).toString(16)}`),
  (text) => text.replace(/\d/, (digit) => String.fromCodePoint(0x1d7ce + Number(digit))), // A bold digit of mathematics.
];

/** As many from the special networks as from all the rest, since few numbers are special. */
const address4 = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffff_ffffn }),
  fc.tuple(fc.constantFrom(0n, 10n, 100n, 127n, 168n, 169n, 172n, 192n, 198n, 203n, 224n, 255n), fc.bigInt({ min: 0n, max: 0xff_ffffn })).map(([first, rest]) => (first << 24n) | rest),
  fc.constantFrom(ip4(169, 254, 169, 254), ip4(168, 63, 129, 16), ip4(100, 100, 100, 200), ip4(172, 15, 255, 255), ip4(172, 32, 0, 0), ip4(192, 0, 1, 0), ip4(198, 20, 0, 0), ip4(126, 255, 255, 255), ip4(1, 1, 1, 1)),
);

const address6 = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
  fc.tuple(fc.constantFrom(0x0064n, 0x0100n, 0x2001n, 0x2002n, 0x2003n, 0x2600n, 0x3fffn, 0x5f00n, 0xfc00n, 0xfd00n, 0xfe80n, 0xfec0n, 0xff02n), fc.bigInt({ min: 0n, max: (1n << 112n) - 1n })).map(([first, rest]) => (first << 112n) | rest),
  fc.tuple(fc.constantFrom(0x2001_0000n, 0x2001_0002n, 0x2001_0db8n, 0x2001_0010n, 0x2001_0020n, 0x2001_4860n, 0x0064_ff9bn), fc.bigInt({ min: 0n, max: (1n << 96n) - 1n })).map(([first, rest]) => (first << 96n) | rest),
);

describe('an IPv4 address is judged by its number, not by its spelling:', () => {
  test('decimal, hex, octal, short, full-width, percent-encoded, with a dot at the end', () => {
    fc.assert(fc.property(address4, fc.integer({ min: 1, max: 4 }), fc.array(fc.constantFrom(...RADIX), { minLength: 4, maxLength: 4 }), fc.constantFrom(...DISGUISES), (address, count, radix, disguise) => {
      const host = disguise(parts(address, count).map((part, index) => radix[index]?.(part) ?? '').join('.'));
      assert.equal(mayDial(host), isPublic4(address), `${host} is ${dotted(address)}`);
    }), { numRuns: 3_000 });
  });

  test('mapped into IPv6, in either spelling; any other wrapping is refused whatever it holds', () => {
    fc.assert(fc.property(address4, (address) => {
      const [high, low] = [(address >> 16n).toString(16), (address & 0xffffn).toString(16)];
      for (const host of [`[::ffff:${dotted(address)}]`, `[::FFFF:${high}:${low}]`, `[0:0:0:0:0:ffff:${high}:${low}]`]) assert.equal(mayDial(host), isPublic4(address), host);
      const wrapped = [`[64:ff9b::${dotted(address)}]`, `[64:ff9b:1::${dotted(address)}]`, `[2002:${high}:${low}::1]`, `[2001:0:${high}:${low}::1]`, `[::${high}:${low}]`, `[::ffff:0:${high}:${low}]`];
      for (const host of wrapped) assert.equal(mayDial(host), false, host);
    }), { numRuns: 1_000 });
  });
});

describe('an IPv6 address', () => {
  test('is judged by its number', () => {
    fc.assert(fc.property(address6, (address) => {
      assert.equal(mayDial(`[${colons(address)}]`), isPublic6(address), colons(address));
      assert.equal(mayDial(`[${colons(address).toUpperCase()}]`), isPublic6(address), colons(address));
    }), { numRuns: 3_000 });
  });

  test('with a zone is refused, and so is one that is none', () => {
    for (const host of ['[fe80::1%25eth0]', '[fe80::1%eth0]', '[2600::1%251]', '[::ffff:1.2.3]', '[1::2::3]', '[:::1]', '[2600::1', '2600::1']) assert.equal(mayDial(host), false, host);
  });
});

describe('the rest of a URL', () => {
  test('may name https, or http unless that is refused, and nothing else', () => {
    for (const scheme of ['https', 'HTTPS', 'http']) assert.equal(fault(`${scheme}://receiver.example/`), null, scheme);
    assert.equal(fault('https://receiver.example/', { requireHttps: true }), null);
    assert.equal(fault('http://receiver.example/', { requireHttps: true }), 'it does not begin with https://');
    for (const url of ['ftp://a.example/', 'file:///etc/passwd', 'gopher://a.example/', 'ws://a.example/', 'data:,x', 'javascript:1', 'blob:https://a.example/1', 'view-source:https://a.example', 'unix:/var/run/docker.sock', '//a.example', '', ' ', 'https://', 'http:///'])
      assert.notEqual(fault(url), null, url);
  });

  test('holds no user name and no password, and the answer repeats neither', () => {
    for (const url of ['https://user@a.example/', 'https://user:hunter2@a.example/', 'https://:hunter2@a.example/', 'https://public.example@127.0.0.1/', 'https://%75ser@a.example/']) assert.equal(fault(url), 'it holds a user name or a password', url);
  });

  test('names 80, 443 or a port from 1024 that belongs to no internal service', () => {
    const [allowed, refused] = [[80, 443, 1_024, 3_000, 4_401, 8_000, 8_080, 8_443, 9_000, 32_768, 49_152, 60_999, 65_535], [1, 22, 25, 53, 79, 81, 442, 444, 1_023, 2_375, 2_376, 2_379, 2_380, 3_306, 5_432, 6_379, 8_500, 9_200, 9_300, 10_250, 11_211, 27_017, 27_018, 27_019]];
    for (const port of allowed) assert.equal(fault(`https://a.example:${port}/`), null, String(port));
    for (const port of refused) assert.match(fault(`https://a.example:${port}/`) ?? '', new RegExp(`^port ${port} .*SSRF_ALLOW_PORTS`), String(port));
    for (const url of ['https://a.example:0/', 'https://a.example:65536/', 'https://a.example:-1/']) assert.notEqual(fault(url), null, url);
    // Port 80 over TLS and port 443 without are odd, and harm nobody.
    for (const url of ['https://a.example:80/', 'http://a.example:443/']) assert.equal(fault(url), null, url);
  });

  test('refuses no port that Linux hands out by itself, whatever scheme', () => {
    fc.assert(fc.property(fc.integer({ min: 32_768, max: 65_535 }), fc.constantFrom('http', 'https'), (port, scheme) => assert.equal(fault(`${scheme}://a.example:${port}/`), null)));
  });

  test('may name a listed port', () => {
    assert.equal(fault('https://a.example:6379/', { allowPorts: [6_379] }), null);
    assert.equal(fault('https://a.example:81/', { allowPorts: [6_379, 81] }), null);
    assert.notEqual(fault('https://a.example:82/', { allowPorts: [6_379, 81] }), null);
  });

  test('never makes the check throw, whatever it is', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.string().map((text) => `http://${text}`)), (url) => {
      const answer = fault(url);
      assert.ok(answer === null || answer.length > 0);
      if (answer === null) assert.match(new URL(url).protocol, /^https?:$/);
    }), { numRuns: 2_000 });
  });
});
