/** Senders that take their time: every wait has an end that really comes, and nobody else waits with them. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from '../../src/http/app.ts';
import { createHttpServer, type HttpServerOptions } from '../../src/http/http-server.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';
import { raw } from '../support/raw.ts';

/** The listening side as it is, over routes that do nothing. */
async function withHttp(options: Partial<HttpServerOptions>, run: (url: string, asked: () => number) => Promise<void>): Promise<void> {
  let asked = 0;
  const operation = { summary: 'Echo', tag: 'system', scope: null, answers: {} } as const;
  const app = createApp({
    telemetry: createTelemetry(), readiness: { check: () => Promise.resolve() },
    groups: [{ routes: [
      { method: 'POST', path: '/take', operation, handler: async (context) => context.json({ bytes: (await context.req.arrayBuffer()).byteLength }) },
      { method: 'GET', path: '/some', operation, handler: (context) => context.body('x'.repeat((asked += 1) && 1_000)) },
    ] }],
  });
  const http = createHttpServer(app, systemClock, { host: '127.0.0.1', port: 0, graceMs: 0, ...options });
  await http.start();
  try {
    await run(http.url, () => asked);
  } finally {
    await http.stop();
  }
}

/** Seconds within which a limit must have fired: its own, one look later, and a slow machine. */
const within = (tookMs: number, fromS: number, toS: number): void => assert.ok(tookMs >= fromS * 1_000 - 100 && tookMs <= toS * 1_000, `${(tookMs / 1_000).toFixed(1)} s, expected ${fromS} to ${toS} s`);

describe('a connection ends', { concurrency: true }, () => {
  test('case 13: with 408 when its body comes a byte a second', () =>
    withHttp({}, async (url) => {
      const trickle = new AbortController();
      const { statuses, closed, tookMs } = await raw(url, 'POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n', { then: (socket) => void drip(socket, trickle.signal) });
      trickle.abort();
      assert.deepEqual([statuses, closed], [[408], true]);
      within(tookMs, 15, 17.5);
    }));

  test('with 408 when its headers come a byte a second', () =>
    withHttp({}, async (url) => {
      const trickle = new AbortController();
      const { statuses, closed, tookMs } = await raw(url, 'POST /take HTTP/1.1\r\nHost: x\r\nX-Slow: ', { then: (socket) => void drip(socket, trickle.signal) });
      trickle.abort();
      assert.deepEqual([statuses, closed], [[408], true]);
      within(tookMs, 10, 12.5);
    }));

  test('when it never says anything', () =>
    withHttp({}, async (url) => {
      const { closed, tookMs } = await raw(url, '');
      assert.equal(closed, true);
      within(tookMs, 10, 12.5);
    }));

  test('when it is kept without another request', () =>
    withHttp({ idleMs: 1_000 }, async (url) => {
      const { statuses, closed, tookMs } = await raw(url, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
      assert.deepEqual([statuses, closed], [[200], true]);
      within(tookMs, 1, 8);
    }));

  test('j: when nobody reads its answers, and no more are made than a little ahead', () =>
    withHttp({ stallMs: 2_000 }, async (url, asked) => {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname);
      socket.pause();
      socket.on('error', () => undefined);
      const startedAtMs = performance.now();
      const [count, line] = [200_000, 'GET /some HTTP/1.1\r\nHost: x\r\n\r\n'];
      socket.write(line.repeat(count));
      await closedByPeer(socket);
      within(performance.now() - startedAtMs, 2, 20);
      assert.ok(asked() < count / 4, `${asked()} of ${count} requests answered with nobody reading`);
    }));
});

/** A byte a second, until told to stop. */
async function drip(socket: { write: (text: string) => unknown }, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    socket.write('x');
    await sleep(1_000, undefined, { signal }).catch(() => undefined);
  }
}

/** A reset is only told to one who reads or writes. */
async function closedByPeer(socket: ReturnType<typeof connect>): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const poke = setInterval(() => socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'), 200);
  await closed.finally(() => clearInterval(poke));
}
