/**
 * The no-store ceiling: the server's own HTTP side and the processor's own sender in one process, with nothing but memory
 * between them. It promises nothing, and is as fast as these two parts can be: what the whole system loses against it is the
 * price of keeping events. A failed send is not repeated; it will be missed.
 */
import type { HookEvent } from '../../src/domain/event.ts';
import { Fifo } from '../../src/delivery/fifo.ts';
import { answerCalls } from '../lab/calls.ts';
import { CONCURRENCY, createDeliver, serveIngest } from './common.ts';

async function listen({ downstreamUrl }: { readonly downstreamUrl: string }): Promise<string> {
  const deliver = createDeliver(downstreamUrl);
  const queue = new Fifo<HookEvent>();
  let inFlight = 0;

  async function drain(): Promise<void> {
    inFlight += 1;
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) await deliver(event);
    inFlight -= 1;
  }

  return serveIngest(downstreamUrl, (event) => {
    queue.push(event);
    if (inFlight < CONCURRENCY) void drain();
    return Promise.resolve();
  });
}

answerCalls({ listen });
