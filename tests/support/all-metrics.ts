/** Every metric that a server and a processor have, with nothing measured yet: for what names metrics and must name real ones. */
import { createMetrics } from '../../src/runtime/metrics.ts';
import { processorMetrics, type ProcessorReadings } from '../../src/runtime/processor-metrics.ts';
import { serverMetrics } from '../../src/runtime/server-metrics.ts';
import { createTelemetry, type Telemetry } from '../../src/runtime/telemetry.ts';
import { readScrape, type Scrape } from './prometheus.ts';

export const NO_READINGS: ProcessorReadings = { lanesOwned: 0, lanesShut: 0, inMemory: 0, slots: 0, slotsInUse: 0, streamLagMs: 0 };

export interface Measured {
  readonly telemetry: Telemetry;
  readonly read: () => Promise<Scrape>;
}

export function measuring(program: 'server' | 'processor', readings: () => ProcessorReadings = () => NO_READINGS): Measured {
  const telemetry = createTelemetry();
  const metrics = createMetrics(telemetry, program === 'server' ? serverMetrics : processorMetrics(readings));
  return { telemetry, read: async () => readScrape(await metrics.text()) };
}

/** By name, with its type. */
export async function allMetrics(): Promise<ReadonlyMap<string, string>> {
  const scrapes = await Promise.all((['server', 'processor'] as const).map((program) => measuring(program).read()));
  return new Map(scrapes.flatMap(({ types }) => [...types]));
}
