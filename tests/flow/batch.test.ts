/** A batch over a real socket, into a real replica set, out to a real receiver: every item as if it had come alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useMongo } from '../support/mongo.ts';
import { postBatch, type BatchAnswer } from '../support/post.ts';
import type { World } from '../support/world.ts';

const { inWorld } = useMongo();

const idsOf = ({ body }: BatchAnswer): readonly (string | undefined)[] => body.items.map(({ event }) => event?.id);

/** Insert statements that the server has ever been sent. */
async function insertsOf({ db }: World): Promise<number> {
  const { metrics } = await db.admin().serverStatus() as { readonly metrics: { readonly commands: { readonly insert: { readonly total: number } } } };
  return metrics.commands.insert.total;
}

test('every item of a batch is stored with as few statements as can be, and delivered as its own bytes', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const bodies = Array.from({ length: 300 }, (_, number) => `{ "type":"order.created", "n":${number}, "exact": 9007199254740993 }`);
    const before = await insertsOf(world);
    const answer = await postBatch(server.url, { key: 'b', body: `[${bodies.join(',\n')}]` });
    assert.deepEqual([answer.status, answer.body.accepted, answer.body.refused, (await insertsOf(world)) - before], [202, 300, 0, 1]);
    await world.processor();
    await world.settled(300);
    const received = new Map(world.sink.requests.map(({ id, body }) => [id, body.toString('utf8')]));
    assert.deepEqual(idsOf(answer).map((id) => received.get(id ?? '')), bodies);
  }));

test('a batch that is repeated makes no event twice, and answers with the same ids', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const body = '{"n":1}\n{"n":2}\n{"n":3}\n';
    const repeats = await Promise.all(Array.from({ length: 20 }, () => postBatch(server.url, { key: 'again', body, ndjson: true })));
    assert.deepEqual([...new Set(repeats.map(({ status }) => status))], [202]);
    assert.equal(new Set(repeats.map((answer) => idsOf(answer).join())).size, 1);
    assert.equal(repeats.flatMap(({ body: { items } }) => items).filter(({ event }) => event?.duplicate === false).length, 3);
    assert.equal(await world.store.events.countDocuments(), 3);
  }));

test('an item that can never be an event costs the others nothing, and another body under a used place is told', () =>
  inWorld({}, async (world) => {
    const server = await world.server();
    const first = await postBatch(server.url, { key: 'k', body: '[{"n":1},"no object"]' });
    const other = await postBatch(server.url, { key: 'k', body: '[{"n":2},{"n":3}]' });
    assert.deepEqual([first.status, first.body.items.map(({ problem }) => problem?.code)], [207, [undefined, 'schema_mismatch']]);
    assert.deepEqual([other.status, other.body.items.map(({ problem }) => problem?.code)], [207, ['idempotency_key_reused', undefined]]);
    assert.equal(await world.store.events.countDocuments(), 2);
  }));
