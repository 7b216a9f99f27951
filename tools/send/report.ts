/** How sent events are told: one event step by step, or many in numbers. */
import { formatMs, formatTime, printable } from '../cli/format.ts';
import type { ToolContext } from '../cli/context.ts';
import { percentileTable, spreadOf, type Spread } from '../cli/percentiles.ts';
import type { AttemptView, DeliveryView, EventView } from './api.ts';
import type { LoadResult } from './load.ts';

type Paint = ToolContext['paint'];

/** `attempt 1 -> 200 in 9 ms`; the target is named when there are several. */
export function attemptLine(attempt: AttemptView, delivery: DeliveryView, event: EventView, paint: Paint): string {
  const target = event.deliveries.length > 1 ? `${delivery.targetId} ` : '';
  const quick = attempt.quickRetry > 0 ? ` (quick retry ${attempt.quickRetry})` : '';
  const good = attempt.status !== null && attempt.status >= 200 && attempt.status < 300;
  const result = paint(good ? 'green' : 'red', String(attempt.status ?? printable(attempt.error ?? attempt.outcome)));
  const note = attempt.status !== null && attempt.error !== null ? ` (${printable(attempt.error)})` : '';
  const isLast = delivery.attempts.at(-1) === attempt;
  const next = isLast && delivery.nextAttemptAt !== null ? `, next attempt at ${formatTime(new Date(delivery.nextAttemptAt))}` : '';
  return `attempt ${attempt.number}${quick} -> ${target}${result} in ${formatMs(Math.round(attempt.durationMs))}${note}${next}`;
}

/** The last line about an event: how it ended, or how far it has come. */
export function endLine(event: EventView, paint: Paint): string {
  const { deliveries } = event;
  switch (event.status) {
    case 'DELIVERED':
      return paint('green', `delivered${deliveries.length > 1 ? ` to ${deliveries.length} targets` : ''}${afterAcceptance(event)}`);
    case 'FAILED_PERMANENTLY': {
      const dead = deliveries.filter(({ state }) => state === 'dead').map(({ targetId, attemptCount, reason }) => `${targetId} after ${attemptCount} attempts: ${printable(reason ?? 'no reason given')}`);
      return paint('red', `given up on ${dead.join('; ')}`);
    }
    case 'UNROUTED':
      return paint('yellow', 'no target wants this event, so there is nothing to deliver');
    case 'RECEIVED':
    case 'FAILED_TEMPORARILY':
      return paint('yellow', `still ${event.status}${nextAttempt(event)}`);
  }
}

/** By the server's own times: asking again and again would only tell how often we asked. */
function afterAcceptance({ receivedAt, deliveries }: EventView): string {
  const settled = deliveries.flatMap(({ settledAt }) => (settledAt === null ? [] : [Date.parse(settledAt)]));
  return settled.length === 0 ? '' : ` ${formatMs(Math.max(0, Math.max(...settled) - Date.parse(receivedAt)))} after acceptance`;
}

function nextAttempt({ deliveries }: EventView): string {
  const [next] = deliveries.flatMap(({ nextAttemptAt }) => nextAttemptAt ?? []).toSorted();
  return next === undefined ? '' : `, next attempt at ${formatTime(new Date(next))}`;
}

export interface LoadSummary {
  readonly accepted: number;
  readonly acceptedPerSecond: number;
  readonly duplicates: number;
  readonly failed: number;
  readonly failuresByCode: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly latencyMs: Spread | null;
}

export function summarise({ accepted, failures, seconds }: LoadResult): LoadSummary {
  const byCode: Record<string, number> = {};
  for (const { status, code } of failures) {
    const name = status === null ? code : `${status} ${code}`;
    byCode[name] = (byCode[name] ?? 0) + 1;
  }
  return {
    accepted: accepted.length,
    acceptedPerSecond: seconds > 0 ? accepted.length / seconds : 0,
    duplicates: accepted.filter(({ duplicate }) => duplicate).length,
    failed: failures.length,
    failuresByCode: byCode,
    seconds,
    latencyMs: spreadOf(accepted.map(({ latencyMs }) => latencyMs)),
  };
}

export function summaryLines(summary: LoadSummary, paint: Paint): readonly string[] {
  const { accepted, acceptedPerSecond, duplicates, failed, seconds, latencyMs } = summary;
  const failures = Object.entries(summary.failuresByCode).map(([code, count]) => paint('red', `  ${count} failed: ${printable(code)}`));
  const head = `${accepted} accepted in ${seconds.toFixed(2)} s (${acceptedPerSecond.toFixed(0)}/s), ${duplicates} duplicates, ${failed} failed`;
  return [head, ...failures, ...(latencyMs === null ? [] : percentileTable('latency', latencyMs))];
}
