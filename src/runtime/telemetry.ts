/**
 * One typed call feeds log, metrics and tests: `noun.pastVerb`, the same field names everywhere, ids always, bodies and
 * secrets never. A listener that throws breaks nothing.
 */
import type { ReceiverOutcome } from '../domain/attempt.ts';
import type { DeliveryId, EventId, TargetId } from '../domain/ids.ts';

export interface TelemetryEvents {
  'server.started': { readonly url: string; readonly pid: number };
  'processor.started': { readonly member: string; readonly pid: number };
  'process.stopping': { readonly reason: string };
  'process.stopped': { readonly tookMs: number };
  'process.failed': { readonly error: string };
  'loop.failed': { readonly loop: string; readonly error: string };

  /** Ids of requests are null where there was no socket. */
  'event.accepted': { readonly requestId: string | null; readonly eventId: EventId; readonly type: string | null; readonly duplicate: boolean };
  /** By a route's handler, whatever it said. `route` is one of ours, never what was asked for. */
  'request.answered': { readonly requestId: string | null; readonly route: string; readonly status: number; readonly tookMs: number };
  'request.refused': { readonly requestId: string | null; readonly code: string; readonly status: number };
  'request.failed': { readonly requestId: string | null; readonly error: string };
  /** Why a request to a source was answered as one that is not signed; its sender is not told. */
  'source.refused': { readonly requestId: string | null; readonly source: string; readonly reason: string };

  'stream.opened': { readonly from: 'token' | 'time' | 'now'; readonly ageMs: number | null };
  'stream.closed': { readonly error: string };
  'stream.batchRead': { readonly changes: number };
  'stream.caughtUp': { readonly changes: number; readonly offered: number; readonly tookMs: number };
  /** Counted as `history_lost`: the stored place could not be used; the sweep takes over from there. */
  'history.lost': { readonly error: string };

  /** All connections to a server of the database were given up, and will be made anew. */
  'database.connectionsLost': { readonly use: 'work' | 'stream' };

  'session.started': { readonly member: string; readonly sessionId: string };
  'session.lost': { readonly member: string; readonly sessionId: string; readonly reason: string };
  'lane.taken': { readonly targetId: TargetId; readonly term: number };
  'lane.released': { readonly targetId: TargetId; readonly reason: string };
  'lane.held': { readonly targetId: TargetId; readonly holdMs: number };
  'target.registered': { readonly targetId: TargetId; readonly url: string };
  /** Deliveries owed to a deleted target were ended without an attempt. */
  'target.ended': { readonly targetId: TargetId; readonly count: number };
  /** Nothing is owed to a deleted target any more, and it is gone. */
  'target.removed': { readonly targetId: TargetId };
  /** Somebody changes something over the API: it stands in the audit record. */
  'admin.changed': { readonly action: string; readonly subject: string };
  'target.disabled': { readonly targetId: TargetId; readonly reason: string };
  /** Its breaker has opened, and it was well before. */
  'target.failing': { readonly targetId: TargetId; readonly reason: string };
  'target.recovered': { readonly targetId: TargetId; readonly reason: string };
  'breaker.opened': { readonly targetId: TargetId; readonly forMs: number; readonly openings: number };
  /** The probe was answered: a slow start begins. */
  'breaker.recovering': { readonly targetId: TargetId };
  'breaker.closed': { readonly targetId: TargetId };

  /** Secrets lie open in the database: how many, and what to do about it. */
  'secrets.plain': { readonly count: number; readonly masterKey: string | null; readonly fix: string };
  /** Not sent to: a secret of it does not open. */
  'target.unreadable': { readonly targetId: TargetId; readonly reason: string };

  /** A send begins now: the moment that rate limits are about. */
  'attempt.started': { readonly deliveryId: DeliveryId; readonly targetId: TargetId; readonly number: number; readonly atMs: number };
  'delivery.attempted': {
    readonly deliveryId: DeliveryId;
    readonly targetId: TargetId;
    readonly number: number;
    readonly outcome: ReceiverOutcome['kind'];
    readonly status: number | null;
    readonly error: string | null;
    readonly durationMs: number;
  };
  'delivery.settled': { readonly deliveryId: DeliveryId; readonly targetId: TargetId; readonly verdict: 'delivered' | 'retry' | 'dead'; readonly delayMs: number | null; readonly reason: string | null };
  /** A result came too late: the delivery had moved on. */
  'delivery.resultDropped': { readonly deliveryId: DeliveryId; readonly targetId: TargetId };
  'delivery.parked': { readonly count: number };
  'lane.refilled': { readonly targetId: TargetId; readonly count: number };
  'sweep.finished': { readonly parked: number; readonly tookMs: number };
  'timer.fired': { readonly count: number };
  /** Events that could not be stored; their senders were told. */
  'write.failed': { readonly write: string; readonly count: number; readonly error: string };
  /** A batch is written, by a majority where a promise hangs on it. */
  'write.finished': { readonly write: string; readonly count: number; readonly tookMs: number };
  'write.retried': { readonly write: string; readonly error: string };
}

export type TelemetryName = keyof TelemetryEvents;
export type TelemetryListener = <Name extends TelemetryName>(name: Name, fields: TelemetryEvents[Name]) => void;

export interface Telemetry {
  emit: TelemetryListener;
  /** Adds a listener; answers the function that removes it. */
  listen(listener: TelemetryListener): () => void;
}

export function createTelemetry(): Telemetry {
  const listeners = new Set<TelemetryListener>();
  return {
    emit(name, fields) {
      for (const listener of listeners) callSafely(() => listener(name, fields));
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function callSafely(call: () => void): void {
  try {
    call();
  } catch {
    // Telling about the work must never stop the work, and a broken listener has nowhere else to be reported.
  }
}
