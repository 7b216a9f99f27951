/** A change of a target is in force everywhere within a second: at the server that resolves, and at the processor that sends. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import type { TargetId } from '../../src/domain/ids.ts';
import { registerTarget } from '../../src/store/targets.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { DOWNSTREAM_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const NEW = 'tgt_new' as TargetId;
/** The bound itself: waited for, not tried again and again until it holds. */
const IN_FORCE_MS = 1_000;

test('an event posted a second after a target was added, changed or switched off is owed by the new word', () =>
  inWorld({}, async (world) => {
    const [server] = [await world.server(), await world.processor()];
    const ownersOf = async (type: string): Promise<readonly string[]> => {
      const { body } = await post(server.url, { body: JSON.stringify({ type }) });
      return (await world.store.events.findOne({ _id: body.id as never }))?.targetIds ?? [];
    };
    const register = (eventTypes: readonly string[]): Promise<unknown> => registerTarget(world.store, {
      id: NEW, url: `${world.sinkUrl}/new`, eventTypes, secrets: [DOWNSTREAM_SECRET], freshSecret: '', limits: { ratePerSecond: 0, concurrency: 0 }, timeoutMs: 5_000, retry: { scheduleMs: [], maxAttempts: null },
    });
    assert.deepEqual(await ownersOf('order.a'), ['tgt_default']);
    await register(['order.*']);
    await sleep(IN_FORCE_MS);
    assert.deepEqual([...(await ownersOf('order.a'))].sort(), ['tgt_default', NEW]);
    await eventually(() => assert.equal(world.sink.requests.filter(({ path }) => path === '/new').length, 1));
    await register(['invoice.*']);
    await sleep(IN_FORCE_MS);
    assert.deepEqual(await ownersOf('order.a'), ['tgt_default']);
    await world.store.targets.deleteOne({ _id: NEW });
    await sleep(IN_FORCE_MS);
    assert.deepEqual(await ownersOf('invoice.a'), ['tgt_default']);
  }));
