import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newSecret } from '../../src/domain/signing.ts';
import type { TargetId } from '../../src/domain/ids.ts';
import { registerTarget } from '../../src/store/targets.ts';
import { sendMany } from '../../tools/send/load.ts';
import { createSink } from '../../tools/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const COUNT = 500;

test('a dead receiver beside a healthy one: the healthy one does not wait', () =>
  inWorld({ env: { GLOBAL_CONCURRENCY: '50', DELIVERY_TIMEOUT_MS: '60000', SHUTDOWN_GRACE_MS: '100' } }, async (world) => {
    const blackHole = createSink({ behaviour: () => ({ kind: 'hang' }) });
    const { url } = await blackHole.start();
    try {
      const limits = { ratePerSecond: 0, concurrency: 0 };
      await registerTarget(world.store, { id: 'tgt_dead' as TargetId, url, eventTypes: ['*'], secrets: null, freshSecret: newSecret(), limits, timeoutMs: 60_000, retry: { scheduleMs: [1_000], maxAttempts: null } });
      const server = await world.server();
      await world.processor();
      await sendMany({ url: server.url, secret: INGEST_SECRET, count: COUNT, concurrency: 20 });
      await eventually(() => assert.equal(world.sink.requests.length, COUNT), { timeoutMs: 10_000 });
      assert.ok(blackHole.requests.length > 0, 'the dead one was tried');
      assert.ok(blackHole.requests.length < 50, 'and has not taken every slot');
      assert.equal(world.duplicates(), 0);
    } finally {
      await blackHole.stop();
    }
  }));
