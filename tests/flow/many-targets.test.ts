/**
 * A thousand targets with patterns and filters: each delivery that should exist exists once and comes once, and none that should
 * not. What should exist is told by functions that stand beside each target here, and by nothing of the program's own.
 *
 * For a long run: MANY_EVENTS=100000 /path/to/node --import tsx tools/test.ts flow many-targets
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TargetId } from '../../src/domain/ids.ts';
import type { TargetDocument } from '../../src/store/store.ts';
import { createSink } from '../../tools/sink/sink.ts';
import { useMongo } from '../support/mongo.ts';
import { postBatch } from '../support/post.ts';
import { DOWNSTREAM_SECRET } from '../support/world.ts';

const { inWorld } = useMongo();
const TARGETS = 1_000;
const EVENTS = Number(process.env['MANY_EVENTS'] ?? 2_000);
const AREAS = 250;
const BATCH = 1_000;

interface Sent {
  readonly type: string | undefined;
  readonly data: { readonly amount?: number; readonly country: string; readonly tags: readonly string[]; readonly off?: null };
}

const COUNTRIES = ['DE', 'FR', 'IT', 'ES'];

/** The same number makes the same event. Every 50th has no type, every 40th is of this system's own. */
function eventOf(number: number): Sent {
  const type = number % 50 === 7 ? undefined : `area${(number * 7) % AREAS}.kind${number % 4}`;
  const data = { country: COUNTRIES[number % 3 === 0 ? 0 : number % 4] ?? '', tags: [`t${number % 5}`, 'all'], ...(number % 6 === 0 ? {} : { amount: number % 100 }), ...(number % 11 === 0 ? { off: null } : {}) };
  return { type, data };
}

interface Spec {
  readonly eventTypes: (area: string) => string[];
  readonly filter: TargetDocument['filter'];
  readonly wants: (event: Sent, area: string) => boolean;
}

const inArea = ({ type = '' }: Sent, area: string): boolean => type.split('.')[0] === area;

const SPECS: readonly Spec[] = [
  { eventTypes: (area) => [`${area}.*`], filter: null, wants: inArea },
  { eventTypes: (area) => [`${area}.kind1`, `${area}.kind2`], filter: null, wants: ({ type }, area) => type === `${area}.kind1` || type === `${area}.kind2` },
  { eventTypes: (area) => [`${area}.*`, `!${area}.kind3`], filter: null, wants: (event, area) => inArea(event, area) && event.type?.endsWith('kind3') === false },
  { eventTypes: (area) => [`${area}.*`], filter: { path: 'data.amount', gte: 50 }, wants: (event, area) => inArea(event, area) && (event.data.amount ?? -1) >= 50 },
  {
    eventTypes: (area) => [`${area}.*`],
    filter: { any: [{ all: [{ path: 'data.country', in: ['DE', 'FR'] }, { path: 'data.tags.0', eq: 't1' }] }, { not: { path: 'data.amount', exists: true } }] },
    wants: (event, area) => inArea(event, area) && ((['DE', 'FR'].includes(event.data.country) && event.data.tags[0] === 't1') || event.data.amount === undefined),
  },
  { eventTypes: (area) => [`${area}.*`], filter: { path: 'data.off', eq: null }, wants: (event, area) => inArea(event, area) && event.data.off === null },
];
/** Two that want all: one of them only what has no amount, the other what costs exactly 13 and is no kind1 of the first area. */
const OF_ALL: readonly Spec[] = [
  { eventTypes: () => ['*'], filter: { path: 'data.amount', eq: 13 }, wants: ({ type = '', data }) => !type.startsWith('hooktail.') && data.amount === 13 },
  { eventTypes: () => ['*', '!area0.kind1'], filter: { path: 'data.tags.7', exists: true }, wants: () => false },
  { eventTypes: () => ['hooktail.*'], filter: { path: 'data.amount', lt: 10 }, wants: ({ type = '', data }) => type.startsWith('hooktail.') && (data.amount ?? 99) < 10 },
];

interface Subject extends Spec {
  readonly path: string;
  readonly id: TargetId;
  readonly area: string;
}

const SUBJECTS: readonly Subject[] = Array.from({ length: TARGETS }, (_, number) => {
  const spec = OF_ALL[number] ?? SPECS[Math.floor(number / AREAS + number) % SPECS.length] ?? SPECS[0];
  assert.ok(spec);
  return { ...spec, path: `/t${number}`, id: `tgt_many${String(number).padStart(4, '0')}` as TargetId, area: `area${number % AREAS}` };
});

const documentOf = ({ id, path, area, eventTypes, filter }: Subject, sinkUrl: string): TargetDocument => ({
  _id: id, url: `${sinkUrl}${path}`, eventTypes: eventTypes(area), secrets: [DOWNSTREAM_SECRET], limits: { ratePerSecond: 0, concurrency: 0 }, timeoutMs: 10_000,
  retry: { scheduleMs: [500], maxAttempts: 5 }, status: 'active', statusReason: null, version: 1, filter: filter ?? null,
});

test(`${TARGETS} targets and ${EVENTS} events: each delivery that should exist exists once, none that should not`, () =>
  inWorld({ env: { DOWNSTREAM_URL: '' } }, async (world) => {
    const came = new Map<string, number>();
    const sink = createSink({ keep: 0, onRequest: ({ id, path }) => void came.set(`${id ?? ''}${path}`, (came.get(`${id ?? ''}${path}`) ?? 0) + 1) });
    const { url: sinkUrl } = await sink.start();
    try {
      await world.store.targets.insertMany(SUBJECTS.map((subject) => documentOf(subject, sinkUrl)));
      const [{ url }, processor] = [await world.server(), await world.processor()];
      const expected = new Set<string>();
      let unrouted = 0;
      for (let from = 0; from < EVENTS; from += BATCH) {
        const sent = Array.from({ length: Math.min(BATCH, EVENTS - from) }, (_, index) => eventOf(from + index));
        const { status, body } = await postBatch(url, { key: `many-${from}`, body: JSON.stringify(sent) });
        assert.equal(status, 202);
        for (const [index, event] of sent.entries()) {
          const wanting = SUBJECTS.filter(({ wants, area }) => wants(event, area));
          if (wanting.length === 0) unrouted += 1;
          for (const { path } of wanting) expected.add(`${body.items[index]?.event?.id ?? ''}${path}`);
        }
      }
      assert.ok(expected.size > EVENTS && unrouted > 0, `${expected.size} deliveries and ${unrouted} unrouted events show little`);
      await world.settled(EVENTS, 60_000 + EVENTS * 10);
      assert.equal(await world.store.events.countDocuments({ status: 'UNROUTED' }), unrouted);
      assert.deepEqual([...came.keys()].filter((what) => !expected.has(what)).slice(0, 5), [], 'not owed');
      assert.deepEqual([...expected].filter((what) => !came.has(what)).slice(0, 5), [], 'owed and not there');
      const written = world.store.deliveries.find({}, { projection: { eventId: 1, targetId: 1, state: 1, attempts: 1 } });
      const unasked: string[] = [];
      let count = 0;
      for await (const { eventId, targetId, state, attempts } of written) {
        count += 1;
        const { path } = SUBJECTS.find(({ id }) => id === targetId) ?? assert.fail(targetId);
        // On a machine that is short of CPU an attempt may fail for lack of time, and is made again; what is not in the record was never asked for.
        if (came.get(`${eventId}${path}`) !== attempts.length) unasked.push(`${eventId}${path} came ${came.get(`${eventId}${path}`) ?? 0} times: ${JSON.stringify(attempts)}`);
        assert.ok(state === 'delivered' && expected.has(`${eventId}${path}`), `${eventId}/${targetId} is ${state}`);
      }
      assert.equal(count, expected.size);
      const told = (['lane.released', 'write.retried', 'stream.opened', 'session.lost', 'loop.failed'] as const).map((name) => `${name}: ${JSON.stringify(processor.told.all(name).slice(0, 3))}`);
      assert.deepEqual(unasked.slice(0, 5), [], `${unasked.length} came more or less often than they were sent; ${told.join('\n')}`);
    } finally {
      await sink.stop();
    }
  }));
