/**
 * More than can be stored: with the database frozen and senders that do not care, ingest says no to everybody in time, holds
 * a bounded number of events, and takes them in again the moment the database is back.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { usageOf } from '../../bench/lab/processes.ts';
import { INGEST_PATH } from '../../tools/send/api.ts';
import { signedHeaders } from '../../tools/send/sign.ts';
import { eventually } from '../support/eventually.ts';
import { useMongo } from '../support/mongo.ts';
import { sendPipelined, type PipelinedAnswer } from '../support/pipeline.ts';
import { post } from '../support/post.ts';
import { INGEST_SECRET } from '../support/world.ts';

const { mongo, inWorld } = useMongo();
const SENDERS = 200;
/** 2,500 a second in all: more than the 5,000 that may wait for the 2.3 s they are given. */
const EVERY_MS = 80;
/** A flood twice as long needs no more memory, but for one step of some 105 MiB, which comes at any time and once only. */
const STEP_MIB = 160;
const DEADLINE_MS = 2_500;

const body = Buffer.from(JSON.stringify({ type: 'order.created', text: 'x'.repeat(1_000) }));

/** All senders at once, each so many; answers everything that came back. */
async function press(url: string, countEach: number): Promise<readonly PipelinedAnswer[]> {
  const sender = (): ReturnType<typeof sendPipelined> => {
    const key = randomUUID();
    return sendPipelined({ url, path: INGEST_PATH, count: countEach, everyMs: EVERY_MS, requestOf: (index) => ({ headers: signedHeaders(INGEST_SECRET, `${key}-${index}`, body, Date.now(), 'x'), body }) });
  };
  return (await Promise.all(Array.from({ length: SENDERS }, sender))).flat();
}

/** The longest that the program, or the machine, keeps a question waiting that takes no work at all. */
async function slowestProbe(url: string, until: AbortSignal): Promise<number> {
  let slowestMs = 0;
  while (!until.aborted) {
    const askedAtMs = performance.now();
    assert.equal((await fetch(`${url}/livez`)).status, 200);
    slowestMs = Math.max(slowestMs, performance.now() - askedAtMs);
  }
  return slowestMs;
}

const latestOf = (answers: readonly PipelinedAnswer[]): number => Math.max(...answers.map(({ tookMs }) => tookMs));
const idOf = ({ body: text }: PipelinedAnswer): string => (JSON.parse(text) as { id: string }).id;
const codeOf = ({ body: text }: PipelinedAnswer): string => (JSON.parse(text) as { code: string }).code;

interface Frozen {
  readonly calm: readonly PipelinedAnswer[];
  readonly slowestProbeMs: number;
  readonly flood: readonly PipelinedAnswer[];
  /** Of the server, at most so far: after half of the flood, and after all of it. */
  readonly peaksMiB: readonly [early: number, late: number];
}

/**
 * What 200 senders hear who ask once, with how long a probe took beside them; then what they hear who ask 100 times. Only the
 * first says something about time: under the flood it is the machine that keeps requests waiting before the program sees them.
 */
async function frozen(url: string, peakMiB: () => Promise<number>): Promise<Frozen> {
  const done = new AbortController();
  const probe = slowestProbe(url, done.signal);
  const calm = await press(url, 1).finally(() => done.abort());
  const first = await press(url, 50);
  const early = await peakMiB();
  const flood = [...first, ...(await press(url, 50))];
  return { calm, slowestProbeMs: await probe, flood, peaksMiB: [early, await peakMiB()] };
}

test('20,000 events for a frozen database: each is refused with 503 and Retry-After in time, in bounded memory; back again, events are taken at once', () =>
  inWorld({}, async (world) => {
    const server = await world.child('server');
    const { url } = JSON.parse(await server.line('"event":"server.started"')) as { url: string };
    const usual = await press(url, 50);
    const peakMiB = async (): Promise<number> => (await usageOf({ server: server.pid }))['server']?.peakRssMiB ?? Infinity;
    const [node] = mongo().nodes;
    assert.ok(node);
    node.pause();
    const { calm, slowestProbeMs, flood, peaksMiB: [early, late] } = await frozen(url, peakMiB).finally(() => node.resume());
    const resumedAtMs = performance.now();
    const { body: taken } = await eventually(async () => {
      const reply = await post(url);
      assert.equal(reply.status, 202);
      return reply;
    });
    const backAfterMs = performance.now() - resumedAtMs;
    const refused = [...calm, ...flood];
    assert.deepEqual([refused.length, refused.filter(({ status }) => status !== 503).length], [SENDERS * 101, 0]);
    assert.ok(refused.every(({ retryAfter }) => Number(retryAfter) > 0), 'each says when to come back');
    assert.ok(refused.some((answer) => codeOf(answer) === 'overloaded'), 'there was more than may wait');
    const lastMs = latestOf(calm);
    assert.ok(lastMs <= DEADLINE_MS + slowestProbeMs, `the last heard after ${lastMs} ms, while a question that takes no work took up to ${slowestProbeMs} ms`);
    assert.ok(late <= early + STEP_MIB, `${late} MiB after the whole flood, against ${early} MiB after half of it`);
    assert.ok(backAfterMs < 2_500, `an event was taken ${backAfterMs} ms after the database was back`);
    const acknowledged = [...usual.filter(({ status }) => status === 202).map(idOf), taken.id];
    const stored = new Set<string>((await world.store.events.find({}, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id));
    assert.deepEqual(acknowledged.filter((id) => !stored.has(id)), [], 'acknowledged and not stored');
  }));
