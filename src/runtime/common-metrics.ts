/** What servers and processors measure alike: writes, connections, faults. */
import type { MetricHandlers, MetricMaker } from './metrics.ts';

const BATCH_SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500];
/** In seconds. */
export const WRITE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export const SECOND_MS = 1_000;

export function commonMetrics(make: MetricMaker): MetricHandlers {
  const batchSize = make.histogramBy('hooktail_write_batch_size', 'How many were written together', ['write'], BATCH_SIZES);
  const writeSeconds = make.histogramBy('hooktail_write_duration_seconds', 'How long a batch took to be confirmed by a majority', ['write'], WRITE_SECONDS);
  const failed = make.counterBy('hooktail_writes_failed_total', 'Events that could not be stored; their senders were told', ['write']);
  const retried = make.counterBy('hooktail_writes_retried_total', 'Writes that were made again after a fault of the database', ['write']);
  const lost = make.counterBy('hooktail_mongo_connections_lost_total', 'Times that all connections to a MongoDB server were given up and made anew', ['use']);
  const loops = make.counterBy('hooktail_loop_failures_total', 'Turns of a loop that failed and are made again', ['loop']);
  return {
    'write.finished': ({ write, count, tookMs }) => {
      batchSize({ write }, count);
      writeSeconds({ write }, tookMs / SECOND_MS);
    },
    'write.failed': ({ write, count }) => failed({ write }, count),
    'write.retried': ({ write }) => retried({ write }),
    'database.connectionsLost': ({ use }) => lost({ use }),
    'loop.failed': ({ loop }) => loops({ loop }),
  };
}
