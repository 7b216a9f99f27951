/** W13: a hundred events in one request, and bodies of 20 kB, against small events one by one. */
import { withFigures, type RunResult } from '../figures/result.ts';
import { buildHooktail } from '../rigs/hooktail.ts';
import { runPeak, type PeakOptions } from './peak.ts';
import type { Conditions, Workload } from './workload.ts';

const PER_REQUEST = 100;
const BODY_BYTES = 20_000;
const SMALL_BYTES = 955;
const MEGABYTE = 1e6;

async function run(options: PeakOptions, conditions: Conditions): Promise<RunResult> {
  const result = await runPeak(buildHooktail, conditions, options);
  return withFigures(result, { megabytesPerSecond: ((result.figures.deliveredPerSecond ?? NaN) * (options.bodyBytes ?? SMALL_BYTES)) / MEGABYTE });
}

const [BATCHES, LARGE, SINGLE] = [`batches of ${PER_REQUEST}`, `${BODY_BYTES / 1_000} kB`, 'one by one'];

export const bodies: Workload = {
  code: 'W13',
  name: 'bodies',
  summary: `${PER_REQUEST} events in one request, and bodies of ${BODY_BYTES} bytes, against small events one by one, all at full speed`,
  variants: [
    { name: BATCHES, run: (conditions) => run({ perRequest: PER_REQUEST, senders: 8 }, conditions) },
    { name: LARGE, run: (conditions) => run({ bodyBytes: BODY_BYTES }, conditions) },
    { name: SINGLE, run: (conditions) => run({}, conditions) },
  ],
  ratios: [BATCHES, LARGE].map((of) => ({ figure: 'deliveredPerSecond', of, to: SINGLE })),
  pairs: 3,
};
