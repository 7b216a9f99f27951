/** Follows one event until it is settled: asks the server again and again, slower each time, and tells of every new attempt once. */
import { isFinalStatus } from '../../src/domain/event-status.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import type { Api, AttemptView, DeliveryView, EventView, NoSuccess } from './api.ts';

export interface FollowDeps {
  readonly api: Pick<Api, 'event'>;
  readonly clock: Clock;
}

export interface FollowOptions {
  readonly eventId: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onAttempt: (attempt: AttemptView, delivery: DeliveryView, event: EventView) => void;
}

export type FollowEnd =
  | { readonly kind: 'settled'; readonly event: EventView }
  /** Null when the server never answered. */
  | { readonly kind: 'timedOut'; readonly event: EventView | null }
  | { readonly kind: 'interrupted' }
  /** The server will not tell: the token is missing, or the event is unknown to it. */
  | Extract<NoSuccess, { kind: 'refused' }>;

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;
const GROWTH = 1.5;

export async function follow({ api, clock }: FollowDeps, { eventId, timeoutMs, signal, onAttempt }: FollowOptions): Promise<FollowEnd> {
  const deadline = clock.monotonic() + timeoutMs;
  const isNew = firstSight();
  let latest: EventView | null = null;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * GROWTH)) {
    const result = await api.event(eventId, signal);
    if (signal.aborted) return { kind: 'interrupted' };
    if (result.kind === 'refused' && !isPassing(result.status)) return result;
    if (result.kind === 'ok') {
      latest = result.value;
      tellNew(latest, isNew, onAttempt);
      if (isFinalStatus(latest.status)) return { kind: 'settled', event: latest };
    }
    const leftMs = deadline - clock.monotonic();
    if (leftMs <= 0) return { kind: 'timedOut', event: latest };
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
  }
}

/** The event is safe already; a server that restarts or has lost its primary for a moment is worth waiting for. */
const isPassing = (status: number): boolean => status === 429 || status >= 500;

function tellNew(event: EventView, isNew: (delivery: DeliveryView, attempt: AttemptView) => boolean, onAttempt: FollowOptions['onAttempt']): void {
  for (const delivery of event.deliveries) {
    for (const attempt of delivery.attempts.filter((each) => isNew(delivery, each))) onAttempt(attempt, delivery, event);
  }
}

/** Numbers start again at a replay, so the time belongs to what makes an attempt the same one. */
function firstSight(): (delivery: DeliveryView, attempt: AttemptView) => boolean {
  const known = new Set<string>();
  return ({ targetId }, { number, quickRetry, at }) => {
    const name = `${targetId} ${number}.${quickRetry} ${at}`;
    const isNew = !known.has(name);
    known.add(name);
    return isNew;
  };
}
