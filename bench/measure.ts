/**
 * One run: everything fresh, a warm-up, then the measured load between two looks at processes and counters. Its figures
 * exist only when the proof holds: accepted = stored = delivered.
 */
import type { Arrivals, LoadReport } from './calls.ts';
import { buildCeiling } from './ceiling-rig.ts';
import { Child } from './child.ts';
import type { DatabaseCounts } from './database-counts.ts';
import { withEndings } from './endings.ts';
import { buildHooktail } from './hooktail-rig.ts';
import type { Side } from './options.ts';
import { cpuPerThousand, usageOf } from './processes.ts';
import { INGEST_SECRET, type Rig, type RigBuilder } from './rig.ts';
import { timelineOf, type Timeline } from './timeline.ts';
import { mapValues } from './values.ts';
import type { Workload } from './workloads.ts';

export interface RunFigures extends Timeline {
  readonly side: Side;
  readonly events: number;
  /** Process → processor seconds for a thousand events. */
  readonly cpuSecondsPerThousand: Readonly<Record<string, number>>;
  readonly peakRssMiB: Readonly<Record<string, number>>;
  readonly counts: DatabaseCounts | null;
}

export interface RunOptions {
  readonly side: Side;
  readonly workload: Workload;
  readonly profileDir: string | null;
  readonly signal: AbortSignal;
}

const BUILDERS: Readonly<Record<Side, RigBuilder>> = { hooktail: buildHooktail, ceiling: buildCeiling };

/** Longer than the first retry of a delivery takes: what comes by a retry counts as delivered. */
const SILENCE_MS = 15_000;

interface Ends {
  readonly generator: Child;
  readonly sink: Child;
}

interface Passage {
  readonly load: LoadReport;
  readonly arrivals: Arrivals;
}

/** @throws Error when an event is missing, or a process ends before its time. */
export function measure({ side, workload, profileDir, signal }: RunOptions): Promise<RunFigures> {
  return withEndings(signal, async (endings) => {
    const sink = new Child({ script: 'bench/sink.ts' });
    await endings.add(() => sink.end());
    const downstreamUrl = await sink.ask('listen', { downstreamUrl: '' });
    const rig = await BUILDERS[side]({ workload, downstreamUrl, profileDir, endings, signal });
    const generator = new Child({ script: 'bench/generator.ts' });
    await endings.add(() => generator.end());
    return { side, ...(await measureOn(rig, { generator, sink }, workload)) };
  });
}

async function measureOn(rig: Rig, ends: Ends, workload: Workload): Promise<Omit<RunFigures, 'side'>> {
  const { events } = workload;
  const warmUp = await pass(rig, ends, workload, { name: 'warm-up', count: workload.warmUpEvents });
  timelineOf(warmUp.load, warmUp.arrivals);
  const pids = { generator: ends.generator.pid, ...rig.pids, sink: ends.sink.pid };

  const before = await usageOf(pids);
  await rig.startCounts();
  const { load, arrivals } = await pass(rig, ends, workload, { name: 'load', count: events });
  const after = await usageOf(pids);
  const counts = await rig.stopCounts(events);

  const timeline = timelineOf(load, arrivals);
  await rig.proveStored(new Set([...warmUp.load.ids, ...load.ids]));
  return { events, ...timeline, cpuSecondsPerThousand: cpuPerThousand(before, after, events), peakRssMiB: mapValues(after, ({ peakRssMiB }) => peakRssMiB), counts };
}

/** Sends so many events and waits for them at the other end. */
async function pass(rig: Rig, { generator, sink }: Ends, { senders, bodyBytes }: Workload, { name, count }: { readonly name: string; readonly count: number }): Promise<Passage> {
  const load = await generator.ask('load', { url: rig.url, secret: INGEST_SECRET, name, count, senders, bodyBytes });
  const arrivals = await sink.ask('arrivals', { count, silenceMs: SILENCE_MS });
  // Missing events would never be marked either; that they are missing is the better message.
  if (arrivals.ids.length >= count) await rig.settle();
  return { load, arrivals };
}
