/**
 * Counts attempts by target and hour, in memory, and adds what it has counted to the database: ten seconds after the first
 * attempt since the last time, and at the end. An attempt costs a few additions, a quiet processor writes nothing, and a crash
 * loses ten seconds of figures. Hears of attempts by telemetry, where each is told once.
 */
import type { TargetId } from '../domain/ids.ts';
import { LATENCY_CLASSES, latencyClassOf } from '../domain/latency.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import type { Service } from '../runtime/service.ts';
import type { Telemetry, TelemetryEvents } from '../runtime/telemetry.ts';
import type { Store } from '../store/store.ts';
import { addHours, HOUR_MS, type TargetHour } from '../store/target-hours.ts';

export interface HourCountsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly telemetry: Telemetry;
}

const EVERY_MS = 10_000;
const LONGEST_ERROR = 500;
/** What is not written for long is not kept for ever. */
const MOST_KEPT = 20_000;

interface Counting {
  readonly targetId: TargetId;
  readonly hourMs: number;
  attempts: number;
  successes: number;
  failures: number;
  readonly latency: number[];
  lastError: TargetHour['lastError'];
}

const nothingYet = (targetId: TargetId, hourMs: number): Counting => ({ targetId, hourMs, attempts: 0, successes: 0, failures: 0, latency: new Array<number>(LATENCY_CLASSES).fill(0), lastError: null });

export function createHourCounts({ store, clock, serverClock, telemetry }: HourCountsDeps): Service {
  let counting = new Map<TargetId, Counting>();
  /** Of hours that are over, or whose writing failed. */
  let kept: TargetHour[] = [];
  let callOff: (() => void) | null = null;
  let writing: Promise<void> = Promise.resolve();
  let stopListening: (() => void) | null = null;

  function countsOf(targetId: TargetId, nowMs: number): Counting {
    const hourMs = nowMs - (nowMs % HOUR_MS);
    const known = counting.get(targetId);
    if (known?.hourMs === hourMs) return known;
    if (known !== undefined) kept.push(known);
    const fresh = nothingYet(targetId, hourMs);
    counting.set(targetId, fresh);
    return fresh;
  }

  function note({ targetId, status, error, durationMs }: TelemetryEvents['delivery.attempted']): void {
    const nowMs = serverClock.now();
    const counts = countsOf(targetId, nowMs);
    const latencyClass = latencyClassOf(durationMs);
    counts.attempts += 1;
    counts.latency[latencyClass] = (counts.latency[latencyClass] ?? 0) + 1;
    if (status !== null && status >= 200 && status < 300) counts.successes += 1;
    else {
      counts.failures += 1;
      counts.lastError = { error: (error ?? `status ${status ?? 'unknown'}`).slice(0, LONGEST_ERROR), at: new Date(nowMs) };
    }
    callOff ??= clock.after(EVERY_MS, write);
  }

  function write(): void {
    callOff?.();
    callOff = null;
    const hours = [...kept, ...counting.values()];
    kept = [];
    counting = new Map();
    if (hours.length > 0) writing = writing.then(() => add(hours));
  }

  /** Never rejects. What could not be written is tried again with the next; written without an answer, it counts twice. */
  async function add(hours: readonly TargetHour[]): Promise<void> {
    try {
      await addHours(store, hours);
    } catch (error) {
      telemetry.emit('write.failed', { write: 'target hours', count: hours.length, error: messageOf(error) });
      kept = [...hours, ...kept].slice(0, MOST_KEPT);
    }
  }

  return {
    start() {
      stopListening ??= telemetry.listen((name, fields) => {
        if (name === 'delivery.attempted') note(fields as TelemetryEvents['delivery.attempted']);
      });
      return Promise.resolve();
    },
    async stop() {
      stopListening?.();
      stopListening = null;
      write();
      await writing;
    },
  };
}
