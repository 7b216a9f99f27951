/**
 * BullMQ on Redis. The idempotency key is the job's id, so that a repeated request adds nothing; finished jobs are removed, as
 * its documents advise for a queue that must not grow (docs.bullmq.io, "Going to production").
 */
import { Queue, Worker } from 'bullmq';
import { createHash } from 'node:crypto';
import { answerCalls } from '../lab/calls.ts';
import { CONCURRENCY, contentOf, createDeliver, jobOf, requireEnvironment, serveIngest, type Job } from './common.ts';

const NAME = 'webhooks';
const connection = { host: '127.0.0.1', port: Number(requireEnvironment('REDIS_PORT')) };

let queue: Queue<Job> | null = null;

function listen({ downstreamUrl }: { readonly downstreamUrl: string }): Promise<string> {
  const opened = new Queue<Job>(NAME, { connection, defaultJobOptions: { attempts: 10, backoff: { type: 'exponential', delay: 5_000 }, removeOnComplete: true } });
  queue = opened;
  // A colon would be read as a separator of Redis keys.
  const idOf = (key: string): string => createHash('sha256').update(key).digest('base64url');
  return serveIngest(downstreamUrl, async (event) => {
    await opened.add('deliver', jobOf(event), { jobId: idOf(event.idempotencyKey) });
  });
}

async function work({ downstreamUrl }: { readonly downstreamUrl: string }): Promise<null> {
  const deliver = createDeliver(downstreamUrl);
  const worker = new Worker<Job>(NAME, ({ data }) => deliver(contentOf(data)), { connection, concurrency: CONCURRENCY });
  worker.on('error', (error) => process.stderr.write(`${error.message}\n`));
  await worker.waitUntilReady();
  return null;
}

async function left(): Promise<number> {
  return (await queue?.getJobCountByTypes('wait', 'active', 'delayed', 'failed')) ?? 0;
}

answerCalls({ listen, work, left });
