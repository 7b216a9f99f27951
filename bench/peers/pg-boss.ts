/**
 * pg-boss on Postgres. Its own workers look at most every 500 ms, so what fetches here are loops over `fetch` and `complete`, as
 * its documents offer for one's own pace: in batches, again at once while there is more, and every 20 ms while there is none.
 */
import PgBoss from 'pg-boss';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerCalls } from '../lab/calls.ts';
import { CONCURRENCY, contentOf, createDeliver, jobOf, requireEnvironment, serveIngest, type Deliver, type Job } from './common.ts';

const NAME = 'webhooks';
const LOOPS = 4;
const BATCH = CONCURRENCY / LOOPS;
const POOL = 20;
const IDLE_MS = 20;

let boss: PgBoss | null = null;

async function open(): Promise<PgBoss> {
  const opened = new PgBoss({ connectionString: requireEnvironment('POSTGRES_URL'), max: POOL, retryLimit: 10 });
  opened.on('error', (error) => process.stderr.write(`${error.message}\n`));
  await opened.start();
  await opened.createQueue(NAME);
  boss = opened;
  return opened;
}

async function listen({ downstreamUrl }: { readonly downstreamUrl: string }): Promise<string> {
  const opened = await open();
  return serveIngest(downstreamUrl, async (event) => {
    await opened.send(NAME, jobOf(event), { singletonKey: event.idempotencyKey });
  });
}

async function work({ downstreamUrl }: { readonly downstreamUrl: string }): Promise<null> {
  const opened = await open();
  const deliver = createDeliver(downstreamUrl);
  for (let loop = 0; loop < LOOPS; loop += 1) void workOn(opened, deliver);
  return null;
}

/** Ends with the process. */
async function workOn(opened: PgBoss, deliver: Deliver): Promise<never> {
  for (;;) {
    const jobs = await opened.fetch<Job>(NAME, { batchSize: BATCH });
    if (jobs.length === 0) await sleep(IDLE_MS);
    else await settle(opened, await Promise.all(jobs.map(async ({ id, data }) => ({ id, isDone: await deliver(contentOf(data)).then(() => true, () => false) }))));
  }
}

async function settle(opened: PgBoss, tried: readonly { readonly id: string; readonly isDone: boolean }[]): Promise<void> {
  const idsWhere = (wanted: boolean): string[] => tried.filter(({ isDone }) => isDone === wanted).map(({ id }) => id);
  const [done, failed] = [idsWhere(true), idsWhere(false)];
  if (done.length > 0) await opened.complete(NAME, done);
  if (failed.length > 0) await opened.fail(NAME, failed);
}

const left = async (): Promise<number> => (await boss?.getQueueSize(NAME, { before: 'completed' })) ?? 0;

answerCalls({ listen, work, left });
