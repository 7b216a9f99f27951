/** The server's time, carried on between its answers by the monotonic clock alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerClock } from '../../src/runtime/server-clock.ts';
import { FAKE_START_MS, FakeClock } from '../support/fake-clock.ts';

const SERVER_MS = FAKE_START_MS + 3_600_000;

function anchored(): { readonly clock: FakeClock; readonly server: ServerClock } {
  const clock = new FakeClock();
  const server = new ServerClock(clock);
  server.observe(SERVER_MS, clock.monotonic(), clock.monotonic());
  return { clock, server };
}

test('until the server has answered, the wall clock is the best guess', async () => {
  const clock = new FakeClock();
  const server = new ServerClock(clock);
  await clock.advance(250);
  assert.equal(server.now(), FAKE_START_MS + 250);
});

test('after an answer the server’s time counts on with the monotonic clock', async () => {
  const { clock, server } = anchored();
  await clock.advance(1_500);
  assert.equal(server.now(), SERVER_MS + 1_500);
});

test('a worker’s wall clock that is wrong, or jumps, moves nothing', () => {
  const { clock, server } = anchored();
  for (const jumpMs of [86_400_000, -2 * 86_400_000]) {
    clock.jumpWall(jumpMs);
    assert.equal(server.now(), SERVER_MS);
  }
});

test('an answer is taken to be from the middle of its round trip', async () => {
  const clock = new FakeClock();
  const server = new ServerClock(clock);
  const askedAtMs = clock.monotonic();
  await clock.advance(80);
  server.observe(SERVER_MS, askedAtMs, clock.monotonic());
  assert.equal(server.now(), SERVER_MS + 40);
});

test('the newest answer wins', () => {
  const { clock, server } = anchored();
  server.observe(SERVER_MS - 5_000, clock.monotonic(), clock.monotonic());
  assert.equal(server.now(), SERVER_MS - 5_000);
});

test('an answer that took as long as an outage moves nothing that it agrees with', async () => {
  const { clock, server } = anchored();
  const askedAtMs = clock.monotonic();
  await clock.advance(16_000);
  server.observe(SERVER_MS + 15_990, askedAtMs, clock.monotonic());
  assert.equal(server.now(), SERVER_MS + 16_000);
});

test('the time is whole milliseconds, as dates and ids need it', () => {
  const { clock, server } = anchored();
  server.observe(SERVER_MS, clock.monotonic(), clock.monotonic() + 0.7);
  assert.ok(Number.isInteger(server.now()));
});
