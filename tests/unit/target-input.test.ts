/** What may be a target's URL and headers, whatever is tried. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createAddressGuard } from '../../src/delivery/guard.ts';
import { attemptHeaders } from '../../src/delivery/headers.ts';
import { readHeaders, shownHeaders } from '../../src/domain/target-headers.ts';
import { savedUrlFault, type UrlRules } from '../../src/domain/target-url.ts';
import type { Target } from '../../src/domain/target.ts';
import { jobOf, targetWith } from './delivery-parts.ts';

const rulesOf = (cidrs: readonly string[]): UrlRules => ({ requireHttps: false, allowPorts: [], addressFault: createAddressGuard(cidrs) });
const guard = rulesOf([]);

describe('a URL', () => {
  const private4 = fc.tuple(fc.constantFrom(10, 127), fc.nat(255), fc.nat(255), fc.nat(255)).map((bytes) => bytes as readonly number[]);
  const spelled = private4.chain(([a = 0, b = 0, c = 0, d = 0]) => fc.constantFrom(
    `${a}.${b}.${c}.${d}`, `${((a * 256 + b) * 256 + c) * 256 + d}`, `0x${a.toString(16)}.${b}.${c}.${d}`, `0${a.toString(8)}.${b}.${c}.${d}`, `${a}.${(b * 256 + c) * 256 + d}`, `[::ffff:${a}.${b}.${c}.${d}]`, `${a}.${b}.${c}.${d}.`, `%31${`${a}`.slice(1)}.${b}.${c}.${d}`,
  ));

  test('that leads to a private address is refused in every spelling', () => {
    fc.assert(fc.property(spelled, fc.constantFrom('', ':8080'), (host, port) => assert.notEqual(savedUrlFault(`http://${host}${port}/x`, guard), null, host)));
  });

  test('that somebody has allowed is not', () => {
    const allowing = rulesOf(['10.0.0.0/8', '127.0.0.0/8']);
    for (const url of ['http://10.1.2.3/', 'http://localhost:3000/hook', 'http://127.1/']) assert.equal(savedUrlFault(url, allowing), null, url);
    assert.notEqual(savedUrlFault('http://192.168.0.1/', allowing), null);
  });

  test('is refused for what else is wrong with it, and only for that', () => {
    for (const url of ['', 'example.com', 'ftp://example.com/', 'http://localhost/', 'http://a.localhost:80/', 'https://u@example.com/', 'https://:p@example.com/', 'https://@example.com/', 'https://example.com/#', ' https://example.com/', 'https://exa mple.com/', `https://example.com/${'a'.repeat(2_048)}`]) assert.notEqual(savedUrlFault(url, guard), null, url);
    for (const url of ['https://example.com', 'http://example.com:8080/a@b?c=d@e', 'https://bücher.example/', 'https://8.8.8.8/', 'https://[2606:4700::1111]/']) assert.equal(savedUrlFault(url, guard), null, url);
  });
});

describe('headers', () => {
  test('that are taken leave what is ours as it is, and arrive with it', () => {
    fc.assert(fc.property(fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('Host', 'X-A', 'te', 'webhook-id', 'Hooktail-Attempt', 'content-type', 'authorization', '__proto__')), fc.oneof(fc.string(), fc.constant('a b'))), (given) => {
      const reading = readHeaders(given);
      if (!reading.ok) return;
      const { content } = jobOf(1);
      const headersOf = (target: Target): Record<string, string> => attemptHeaders(target, content, { number: 1, nowMs: 0 });
      const [plain, sent] = [headersOf(targetWith()), headersOf(targetWith({ headers: reading.headers }))];
      assert.deepEqual(sent, { ...reading.headers, ...plain });
      assert.equal(Object.keys(sent).length, Object.keys(plain).length + Object.keys(given).length);
    }));
  });

  test('cannot replace ours, even when they stand in the database', () => {
    assert.equal(attemptHeaders(targetWith({ headers: { 'webhook-id': 'x' } }), jobOf(1).content, { number: 1, nowMs: 0 })['webhook-id'], jobOf(1).content.id);
  });

  test('are at most twenty, each once, and a hidden value is no value', () => {
    const many = (count: number): Readonly<Record<string, string>> => Object.fromEntries(Array.from({ length: count }, (_, number) => [`x-${number}`, 'v']));
    assert.deepEqual([readHeaders(many(20)).ok, readHeaders(many(21)).ok, readHeaders({ 'X-A': '1', 'x-a': '2' }).ok, readHeaders({ authorization: '***' }).ok], [true, false, false, false]);
  });

  test('that look like credentials are not shown', () => {
    assert.deepEqual(shownHeaders({ authorization: 'a', 'x-api-key': 'b', cookie: 'c', 'x-tenant': 'd' }), { authorization: '***', 'x-api-key': '***', cookie: '***', 'x-tenant': 'd' });
  });
});
