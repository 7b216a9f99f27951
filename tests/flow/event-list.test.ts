/** Looking through events: newest first, page by page, and by what an index holds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventId } from '../../src/domain/ids.ts';
import { listEvents, type EventFilter } from '../../src/store/event-list.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import type { World } from '../support/world.ts';

const { inWorld } = useMongo();

interface Page {
  readonly events: readonly { readonly id: string; readonly status: string; readonly idempotencyKey: string; readonly source: string; readonly bodyBytes: number }[];
  readonly after: string | null;
}

const page = async (url: string, query: string): Promise<Page> => (await (await fetch(`${url}/api/v1/events?${query}`)).json()) as Page;

/** All pages of a question, and of how many events each was. */
async function readAll(url: string, query: string): Promise<{ readonly ids: readonly string[]; readonly sizes: readonly number[] }> {
  const [ids, sizes]: [string[], number[]] = [[], []];
  for (let after: string | null = ''; after !== null; ) {
    const { events, after: next }: Page = await page(url, after === '' ? query : `${query}&after=${after}`);
    ids.push(...events.map(({ id }) => id));
    sizes.push(events.length);
    after = next;
  }
  return { ids, sizes };
}

async function postSome(world: World, url: string, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let number = 0; number < count; number += 1) ids.push((await post(url, { key: `key-${number}` })).body.id);
  await world.store.events.updateMany({ _id: { $in: [ids[1], ids[3]] as EventId[] } }, { $set: { status: 'FAILED_TEMPORARILY' } });
  await world.store.events.updateOne({ _id: ids[4] as EventId }, { $set: { status: 'FAILED_PERMANENTLY' } });
  return ids;
}

test('events are read newest first, each once, in pages of the size that was asked for', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const ids = await postSome(world, url, 7);
    assert.deepEqual(await readAll(url, 'limit=3'), { ids: ids.toReversed(), sizes: [3, 3, 1] });
    assert.deepEqual(await readAll(url, 'limit=7'), { ids: ids.toReversed(), sizes: [7] });
    assert.deepEqual((await readAll(url, '')).ids, ids.toReversed());
    const [newest] = (await page(url, 'limit=1')).events;
    assert.deepEqual([newest?.idempotencyKey, newest?.source, newest?.bodyBytes, 'body' in (newest ?? {})], ['key-6', 'default', 24, false]);
  }));

test('those that failed are found by their status, and the one event of a key by its source and key', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const ids = await postSome(world, url, 6);
    assert.deepEqual(await readAll(url, 'status=FAILED_TEMPORARILY&limit=1'), { ids: [ids[3], ids[1]], sizes: [1, 1] });
    assert.deepEqual((await readAll(url, 'status=FAILED_PERMANENTLY')).ids, [ids[4]]);
    assert.deepEqual((await readAll(url, 'source=default&idempotencyKey=key-2')).ids, [ids[2]]);
    assert.deepEqual((await readAll(url, 'source=other&idempotencyKey=key-2')).ids, []);
    for (const query of ['status=DELIVERED', 'source=default', 'idempotencyKey=key-2', 'status=FAILED_TEMPORARILY&source=a&idempotencyKey=b', 'after=evt_1', 'after[$gt]=', 'limit=101', 'type=order.created']) {
      const answer = await fetch(`${url}/api/v1/events?${query}`);
      assert.deepEqual([answer.status, ((await answer.json()) as { readonly code: string }).code], [400, 'invalid_query'], query);
    }
  }));

test('no question reads more than it answers', () =>
  inWorld({}, async (world) => {
    const { url } = await world.server();
    const ids = await postSome(world, url, 40);
    const after = ids[30] as EventId;
    const questions: readonly (readonly [filter: EventFilter, after: EventId | null, answers: number])[] = [
      [{ by: 'nothing' }, null, 5], [{ by: 'nothing' }, after, 5], [{ by: 'status', status: 'FAILED_TEMPORARILY' }, null, 2], [{ by: 'status', status: 'FAILED_TEMPORARILY' }, after, 2], [{ by: 'key', source: 'default', idempotencyKey: 'key-7' }, null, 1],
    ];
    await world.db.command({ profile: 2 });
    for (const [filter, from, answers] of questions) assert.equal((await listEvents(world.store, { filter, after: from, limit: 5 })).length, answers, JSON.stringify(filter));
    await world.db.command({ profile: 0 });
    const reads = await world.db.collection('system.profile').find({ 'command.aggregate': 'events', 'command.pipeline.0.$match': { $exists: true } }).sort({ ts: 1 }).toArray();
    const costs = reads.map(({ keysExamined, docsExamined, planSummary, hasSortStage }): unknown[] => [Number(keysExamined) <= Number(docsExamined) + 1, docsExamined, String(planSummary).startsWith('IXSCAN'), hasSortStage === true]);
    // The one event of a key is sorted without any cost.
    assert.deepEqual(costs, questions.map(([{ by }, , answers]) => [true, answers, true, by === 'key']));
  }));
