/**
 * graphile-worker on Postgres, tuned as its documents advise for throughput (worker.graphile.org, "Performance"): a local queue,
 * so that jobs are fetched in batches, and completions written in batches.
 */
import { makeWorkerUtils, run } from 'graphile-worker';
import { Pool } from 'pg';
import { answerCalls } from '../lab/calls.ts';
import { CONCURRENCY, contentOf, createDeliver, jobOf, requireEnvironment, serveIngest, type Job } from './common.ts';

const connectionString = requireEnvironment('POSTGRES_URL');
const POOL = 20;
const TASK = 'deliver';

let pool: Pool | null = null;

async function listen({ downstreamUrl }: { readonly downstreamUrl: string }): Promise<string> {
  pool = new Pool({ connectionString, max: POOL });
  const opened = await makeWorkerUtils({ pgPool: pool });
  await opened.migrate();
  return serveIngest(downstreamUrl, async (event) => {
    await opened.addJob(TASK, jobOf(event), { jobKey: event.idempotencyKey, jobKeyMode: 'unsafe_dedupe', maxAttempts: 10 });
  });
}

async function work({ downstreamUrl }: { readonly downstreamUrl: string }): Promise<null> {
  const deliver = createDeliver(downstreamUrl);
  await run({
    preset: {
      worker: {
        connectionString, concurrentJobs: CONCURRENCY, maxPoolSize: POOL, pollInterval: 2_000, completeJobBatchDelay: 0, failJobBatchDelay: 0,
        localQueue: { size: 2 * CONCURRENCY, refetchDelay: { durationMs: 100, threshold: 0 } },
      },
    },
    taskList: { [TASK]: (payload) => deliver(contentOf(payload as Job)) },
    noHandleSignals: true,
  });
  return null;
}

async function left(): Promise<number> {
  const found = await pool?.query<{ count: string }>('select count(*) from graphile_worker._private_jobs');
  return Number(found?.rows[0]?.count ?? 0);
}

answerCalls({ listen, work, left });
