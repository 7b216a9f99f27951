/** What a processor measures: attempts, deliveries, lanes, the stream. */
import { commonMetrics, SECOND_MS } from './common-metrics.ts';
import { createBoundedLabel, type MetricHandlers, type MetricMaker } from './metrics.ts';

/** Looked at whenever the metrics are read. */
export interface ProcessorReadings {
  readonly lanesOwned: number;
  /** Of those, how many may start nothing now: held, paused or disabled. */
  readonly lanesShut: number;
  /** Deliveries in the memory of all lanes. */
  readonly inMemory: number;
  readonly slots: number;
  readonly slotsInUse: number;
  /** How long ago it was that the stream had told everything. */
  readonly streamLagMs: number;
}

const ATTEMPT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30];
const SWEEP_SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60];
/** With three verdicts each, as many series as a small server holds for all else. */
const MOST_TARGETS = 100;

export function processorMetrics(readings: () => ProcessorReadings): (make: MetricMaker) => MetricHandlers {
  return (make) => {
    defineGauges(make, readings);
    return { ...commonMetrics(make), ...deliveryMetrics(make), ...streamMetrics(make) };
  };
}

function defineGauges(make: MetricMaker, readings: () => ProcessorReadings): void {
  make.gauge('hooktail_lanes_owned', 'Lanes that this processor sends from', () => readings().lanesOwned);
  make.gauge('hooktail_lanes_shut', 'Lanes of those that may start nothing now: held by Retry-After or breaker, paused, disabled', () => readings().lanesShut);
  make.gauge('hooktail_deliveries_in_memory', 'Deliveries in the memory of lanes, waiting or under way', () => readings().inMemory);
  make.gauge('hooktail_slots', 'Attempts that may be in flight, or answered and not yet written down', () => readings().slots);
  make.gauge('hooktail_slots_in_use', 'Attempts that are', () => readings().slotsInUse);
  make.gauge('hooktail_stream_lag_seconds', 'How long ago it was that the change stream had told everything; up to 3 when all is well', () => readings().streamLagMs / SECOND_MS);
}

function deliveryMetrics(make: MetricMaker): MetricHandlers {
  const targetOf = createBoundedLabel(MOST_TARGETS);
  const attempts = make.counterBy('hooktail_attempts_total', 'Attempts that ended, by what came of them and the class of the status', ['outcome', 'status_class']);
  const attemptSeconds = make.histogramBy('hooktail_attempt_duration_seconds', 'How long attempts took, from DNS to the end of the answer', ['outcome'], ATTEMPT_SECONDS);
  const settled = make.counterBy('hooktail_deliveries_settled_total', `Results written down, by verdict and target; of targets the first ${MOST_TARGETS} that are heard of, then other`, ['verdict', 'target']);
  const dropped = make.counter('hooktail_results_dropped_total', 'Results that came after their delivery had moved on, and changed nothing');
  const parked = make.counter('hooktail_deliveries_parked_total', 'Deliveries kept in the database for want of room in their lane');
  const refilled = make.counter('hooktail_deliveries_refilled_total', 'Deliveries read back from the database into lanes');
  const holds = make.counter('hooktail_lane_holds_total', 'Times that a receiver asked for a pause with Retry-After');
  const disabled = make.counter('hooktail_targets_disabled_total', 'Targets that were disabled for what they did');
  return {
    'delivery.attempted': ({ outcome, status, durationMs }) => {
      attempts({ outcome, status_class: classOf(status) });
      attemptSeconds({ outcome }, durationMs / SECOND_MS);
    },
    'delivery.settled': ({ verdict, targetId }) => settled({ verdict, target: targetOf(targetId) }),
    'delivery.resultDropped': () => dropped(),
    'delivery.parked': ({ count }) => parked(count),
    'lane.refilled': ({ count }) => refilled(count),
    'lane.held': () => holds(),
    'target.disabled': () => disabled(),
  };
}

const CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** A receiver may make up any number of three digits. */
const classOf = (status: number | null): string => (status === null ? 'none' : (CLASSES[Math.floor(status / 100)] ?? 'odd'));

function streamMetrics(make: MetricMaker): MetricHandlers {
  let caughtUp = 0;
  make.gauge('hooktail_stream_caught_up', '1 while the change stream has told all that was written before it was opened, else 0', () => caughtUp);
  const opened = make.counterBy('hooktail_stream_opened_total', 'Openings of the change stream, by where it went on from', ['from']);
  const closed = make.counter('hooktail_stream_closed_total', 'Times that the change stream broke');
  const changes = make.counter('hooktail_stream_changes_total', 'Changes that the stream has told');
  const historyLost = make.counter('hooktail_history_lost_total', 'Times that the stored place in the stream could not be used any more; the sweep took over');
  const sessionsLost = make.counter('hooktail_sessions_lost_total', 'Times that this processor was declared dead while it lived');
  const sweepSeconds = make.histogram('hooktail_sweep_duration_seconds', 'How long sweeps took', SWEEP_SECONDS);
  const sweepParked = make.counter('hooktail_sweep_parked_total', 'Deliveries that no stream had told of and the sweep found');
  const timers = make.counter('hooktail_timers_fired_total', 'Timers of retries that this processor fired');
  return {
    'stream.opened': ({ from }) => {
      caughtUp = 0;
      opened({ from });
    },
    'stream.closed': () => {
      caughtUp = 0;
      closed();
    },
    'stream.caughtUp': () => void (caughtUp = 1),
    'stream.batchRead': ({ changes: count }) => changes(count),
    'history.lost': () => {
      caughtUp = 0;
      historyLost();
    },
    'session.lost': () => sessionsLost(),
    'sweep.finished': ({ parked, tookMs }) => {
      sweepSeconds(tookMs / SECOND_MS);
      sweepParked(parked);
    },
    'timer.fired': ({ count }) => timers(count),
  };
}
