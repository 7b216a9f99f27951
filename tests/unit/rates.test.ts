/** How often a request may come: so many a second, a burst after a pause, and whose requests are counted together. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Hono } from 'hono';
import { createAddressOf } from '../../src/http/client-address.ts';
import { Problem } from '../../src/http/problem.ts';
import { createRates, type Rate, type Rates } from '../../src/http/rates.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** Seconds to wait; 0 when it passed. */
function ask(rates: Rates, key: string, rate: Rate): number {
  try {
    rates.take(key, rate);
    return 0;
  } catch (error) {
    assert.ok(error instanceof Problem && error.code === 'rate_limited' && error.status === 429, String(error));
    return error.options.retryAfterS ?? NaN;
  }
}

const passing = (rates: Rates, key: string, rate: Rate, tries: number): number => Array.from({ length: tries }, () => ask(rates, key, rate)).filter((waitS) => waitS === 0).length;

describe('a rate', () => {
  test('lets a burst through and then so many a second', async () => {
    const clock = new FakeClock();
    const rates = createRates(clock, 'this address');
    const rate = { perSecond: 10, burst: 20 };
    assert.equal(passing(rates, 'a', rate, 50), 20);
    await clock.advance(1_000);
    assert.equal(passing(rates, 'a', rate, 50), 10);
    await clock.advance(60_000);
    assert.equal(passing(rates, 'a', rate, 50), 20, 'a longer pause saves no more than the burst');
  });

  test('tells when it is worth coming again, and what was refused costs nothing', async () => {
    const clock = new FakeClock();
    const rates = createRates(clock, 'this address');
    const rate = { perSecond: 0.25, burst: 1 };
    assert.deepEqual([ask(rates, 'a', rate), ask(rates, 'a', rate), ask(rates, 'a', rate)], [0, 4, 4]);
    await clock.advance(3_999);
    assert.equal(ask(rates, 'a', rate), 1);
    await clock.advance(1);
    assert.equal(ask(rates, 'a', rate), 0);
  });

  test('is each key’s own, and 0 is none', () => {
    const rates = createRates(new FakeClock(), 'this address');
    const rate = { perSecond: 1, burst: 1 };
    assert.deepEqual([ask(rates, 'a', rate), ask(rates, 'b', rate), ask(rates, 'a', rate)], [0, 0, 1]);
    assert.equal(passing(rates, 'c', { perSecond: 0, burst: 0 }, 1_000), 1_000);
  });

  test('is never exceeded, whatever the gaps: at most burst and rate × time in any stretch', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10 }), async (gaps, perSecond, burst) => {
      const clock = new FakeClock();
      const rates = createRates(clock, 'this address');
      const passedAtMs: number[] = [];
      for (const gap of gaps) {
        await clock.advance(gap);
        if (ask(rates, 'a', { perSecond, burst }) === 0) passedAtMs.push(clock.monotonic());
      }
      passedAtMs.forEach((fromMs, from) => passedAtMs.slice(from).forEach((toMs, count) => assert.ok(count + 1 <= burst + (perSecond * (toMs - fromMs)) / 1_000 + 1e-6)));
    }), { numRuns: 50 });
  });

  test('remembers a bounded number of keys, those of late among them', () => {
    const rates = createRates(new FakeClock(), 'this address', 100);
    const rate = { perSecond: 1, burst: 1 };
    for (let number = 0; number < 10_000; number += 1) ask(rates, `flood ${number}`, rate);
    assert.ok(rates.size <= 200, `${rates.size} keys`);
    assert.equal(ask(rates, 'flood 9999', rate), 1);
    assert.equal(ask(rates, 'flood 0', rate), 0);
  });
});

describe('the address of a request', () => {
  async function addressOf(trusted: number, remoteAddress: string | undefined, forwarded?: string): Promise<string> {
    const app = new Hono();
    const address = createAddressOf(trusted);
    app.get('/', (context) => context.text(address(context)));
    const env = remoteAddress === undefined ? undefined : { incoming: { socket: { remoteAddress } } };
    return (await app.request('/', forwarded === undefined ? {} : { headers: { 'x-forwarded-for': forwarded } }, env)).text();
  }

  const cases: readonly (readonly [what: string, trusted: number, socket: string | undefined, forwarded: string | undefined, expected: string])[] = [
    ['is that of the connection', 0, '192.0.2.1', '198.51.100.9', '192.0.2.1'],
    ['is what the one proxy has seen', 1, '192.0.2.1', '203.0.113.7, 198.51.100.9', '198.51.100.9'],
    ['is what the outer of two has seen', 2, '192.0.2.1', 'forged, 203.0.113.7, 198.51.100.9', '203.0.113.7'],
    ['is the furthest known when a proxy was passed by', 3, '192.0.2.1', '203.0.113.7, 198.51.100.9', '203.0.113.7'],
    ['is that of the connection when the proxy tells nothing', 1, '192.0.2.1', undefined, '192.0.2.1'],
    ['is that of the connection when what is told is none', 1, '192.0.2.1', 'unknown', '192.0.2.1'],
    ['is IPv4 in whatever form', 0, '::ffff:192.0.2.1', undefined, '192.0.2.1'],
    ['is a network of IPv6', 0, '2001:db8:0:1:aaaa:bbbb:cccc:dddd', undefined, '2001:db8:0:1::/64'],
    ['is the same one in its short form', 0, '2001:DB8:0:1::1', undefined, '2001:db8:0:1::/64'],
    ['is a network of zeros too', 0, '::1', undefined, '0:0:0:0::/64'],
    ['is nowhere without a connection', 0, undefined, undefined, 'nowhere'],
  ];
  for (const [what, trusted, socket, forwarded, expected] of cases) test(what, async () => assert.equal(await addressOf(trusted, socket, forwarded), expected));
});
