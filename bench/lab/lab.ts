/**
 * One measurement's ground: a fresh sink, a fresh rig on it, a fresh generator; all of it ends with the measurement. A load is
 * measured between two looks at processes and counters, and its figures exist only when the proof holds: accepted = stored =
 * delivered.
 */
import type { DatabaseCounts } from '../figures/database-counts.ts';
import { passageOf, type Passage, type PassageOptions } from '../figures/passage.ts';
import { INGEST_SECRET, type Rig, type RigBuilder, type RigSetup } from '../rigs/rig.ts';
import type { Arrivals, Behaviour, LoadOrder, LoadReport } from './calls.ts';
import { Child } from './child.ts';
import { withEndings } from './endings.ts';
import { cpuBetween, usageOf, type Usage } from './processes.ts';

export interface LabContext {
  readonly profileDir: string | null;
  readonly signal: AbortSignal;
}

/** A load, less what the lab fills in. */
export type Load = Pick<LoadOrder, 'name' | 'pace'> & Partial<Pick<LoadOrder, 'bodyBytes' | 'types' | 'share' | 'perRequest'>>;

export interface Measured {
  readonly passage: Passage;
  /** Processor seconds of each process. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly peakRssMiB: Readonly<Record<string, number>>;
  readonly counts: DatabaseCounts | null;
}

/** Longer than a delivery takes with its first retries: what comes by a retry counts as delivered. */
const SILENCE_MS = 20_000;
const BODY_BYTES = 955;

export class Lab<R extends Rig = Rig> {
  readonly rig: R;
  readonly signal: AbortSignal;
  readonly #sink: Child;
  readonly #generator: Child;
  /** All that was ever accepted here. */
  readonly #accepted = new Set<string>();

  private constructor(parts: { readonly rig: R; readonly sink: Child; readonly generator: Child; readonly signal: AbortSignal }) {
    this.rig = parts.rig;
    this.signal = parts.signal;
    this.#sink = parts.sink;
    this.#generator = parts.generator;
  }

  static open<R extends Rig, T>(build: RigBuilder<R>, setup: RigSetup, { profileDir, signal }: LabContext, use: (lab: Lab<R>) => Promise<T>): Promise<T> {
    return withEndings(signal, async (endings) => {
      const sink = new Child({ script: 'bench/lab/sink.ts' });
      await endings.add(() => sink.end());
      const downstreamUrl = await sink.ask('listen', { downstreamUrl: '' });
      const rig = await build({ ...setup, downstreamUrl, profileDir, endings, signal });
      const generator = new Child({ script: 'bench/lab/generator.ts' });
      await endings.add(() => generator.end());
      return use(new Lab({ rig, sink, generator, signal }));
    });
  }

  /** Sends a load and waits for all of it at the other end, nothing measured: the first thousand events mostly measure the compiler. */
  async warmUp(load: Load): Promise<void> {
    await this.pass(load);
  }

  /** The same, between two looks at everything. */
  async measure(load: Load, options: PassageOptions = {}): Promise<Measured> {
    const before = await this.usage();
    await this.rig.startCounts();
    const passage = await this.pass(load, options);
    return this.measured(passage, before);
  }

  /** What was used since that look, and counted since the counts were started. */
  async measured(passage: Passage, before: Readonly<Record<string, Usage>>): Promise<Measured> {
    const after = await this.usage();
    const counts = await this.rig.stopCounts(passage.events);
    const peakRssMiB = Object.fromEntries(Object.entries(after).map(([name, usage]) => [name, usage.peakRssMiB]));
    return { passage, cpuSeconds: cpuBetween(before, after), peakRssMiB, counts };
  }

  async pass(load: Load, options: PassageOptions = {}): Promise<Passage> {
    const report = await this.send(load);
    const { excused = () => false } = options;
    const owed = report.types.reduce((count, type) => count + (excused(type) ? 0 : 1), 0);
    const arrivals = await this.arrivals(owed);
    const passage = passageOf(report, arrivals, options);
    if (owed === report.ids.length) await this.rig.settle();
    return passage;
  }

  /** Sends, and resolves once all is acknowledged. */
  async send(load: Load): Promise<LoadReport> {
    const { rig: { url } } = this;
    const report = await this.#generator.ask('load', { url, secret: INGEST_SECRET, bodyBytes: BODY_BYTES, types: [0], share: 'even', perRequest: 1, ...load });
    for (const id of report.ids) this.#accepted.add(id);
    return report;
  }

  /** Waits for so many deliveries, or until nothing new comes any more; answers all requests since the last call. */
  arrivals(count: number, silenceMs: number = SILENCE_MS): Promise<Arrivals> {
    return this.#sink.ask('arrivals', { count, silenceMs });
  }

  /** How many deliveries were answered 2xx since the last `arrivals`. */
  deliveredSoFar(): Promise<number> {
    return this.#sink.ask('count', null);
  }

  async behave(behaviours: Readonly<Record<number, Behaviour>>): Promise<void> {
    await this.#sink.ask('behave', behaviours);
  }

  /** Of all processes, those of the load and the receiver included. */
  usage(): Promise<Readonly<Record<string, Usage>>> {
    return usageOf({ generator: this.#generator.pid, ...this.rig.pids, sink: this.#sink.pid });
  }

  /** @throws Error unless everything that was ever accepted is stored as delivered, and nothing else is */
  proveStored(): Promise<void> {
    return this.rig.proveStored(this.#accepted);
  }
}
