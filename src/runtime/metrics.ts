/**
 * Metrics for Prometheus: fed by telemetry, read as text. Labels are bounded by construction: words of ours, routes and codes of ours,
 * and of targets only so many ids; never an address, a type of event or anything else that others make up.
 *
 * The library is the last of its line for Node 20; it goes on as @prometheus-io/client for Node 22. This file is its one door.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Telemetry, TelemetryEvents, TelemetryName } from './telemetry.ts';

/** What is done at each name of telemetry that is measured. */
export type MetricHandlers = { readonly [Name in TelemetryName]?: (fields: TelemetryEvents[Name]) => void };

export interface Metrics {
  /** Everything, in Prometheus' text format. */
  text(): Promise<string>;
}

export interface MetricMaker {
  /** Counts up by `count`, or by one; for a counter with a label, one series for each of its words. */
  counter(name: string, help: string): (count?: number) => void;
  counterBy<Label extends string>(name: string, help: string, labels: readonly Label[]): (words: Readonly<Record<Label, string>>, count?: number) => void;
  histogram(name: string, help: string, buckets: readonly number[]): (value: number) => void;
  histogramBy<Label extends string>(name: string, help: string, labels: readonly Label[], buckets: readonly number[]): (words: Readonly<Record<Label, string>>, value: number) => void;
  /** Read whenever everything is. */
  gauge(name: string, help: string, read: () => number): void;
}

/** Starts to measure. What this process itself is like is measured from the first reading on, so that nobody pays who never reads. */
export function createMetrics(telemetry: Telemetry, define: (make: MetricMaker) => MetricHandlers): Metrics {
  const registry = new Registry();
  const handlers = define(makerOf(registry));
  let readBefore = false;
  telemetry.listen((name, fields) => handlers[name]?.(fields));
  return {
    text() {
      if (!readBefore) collectDefaultMetrics({ register: registry });
      readBefore = true;
      return registry.metrics();
    },
  };
}

function makerOf(registry: Registry): MetricMaker {
  const registers = [registry];
  return {
    counter(name, help) {
      const counter = new Counter({ name, help, registers });
      return (count = 1) => counter.inc(count);
    },
    counterBy(name, help, labelNames) {
      const counter = new Counter({ name, help, labelNames, registers });
      return (words, count = 1) => counter.inc(words, count);
    },
    histogram(name, help, buckets) {
      const histogram = new Histogram({ name, help, buckets: [...buckets], registers });
      return (value) => histogram.observe(value);
    },
    histogramBy(name, help, labelNames, buckets) {
      const histogram = new Histogram({ name, help, labelNames, buckets: [...buckets], registers });
      return (words, value) => histogram.observe(words, value);
    },
    gauge(name, help, read) {
      new Gauge({
        name, help, registers,
        collect() {
          this.set(read());
        },
      });
    },
  };
}

/** The first words it hears stay as they are; all that come after so many are `other`. */
export function createBoundedLabel(most: number): (word: string) => string {
  const known = new Set<string>();
  return (word) => {
    if (known.has(word)) return word;
    if (known.size >= most) return 'other';
    known.add(word);
    return word;
  };
}
