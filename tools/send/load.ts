/**
 * Sends many signed events over kept connections: each sender posts its next event as soon as the last one was answered. What
 * fails is counted and never repeated, so the result tells what the server really did.
 */
import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../../src/runtime/clock.ts';
import { createApi, type Api, type ApiResult, type IngestAnswer } from './api.ts';
import { sampleBody, type BodyOf } from './payload.ts';
import { signedHeaders, type SignatureScheme } from './sign.ts';

export interface LoadOptions {
  readonly url: string;
  readonly secret: string;
  /** Null or absent: the default one. */
  readonly source?: string | null;
  readonly count: number;
  /** How many are in flight at once. */
  readonly concurrency: number;
  readonly scheme?: SignatureScheme;
  /** Default: a small made-up event, another one for each index. */
  readonly bodyOf?: BodyOf;
  /** Default: a key of its own for each event. */
  readonly keyOf?: (index: number) => string;
  /** Deadline of one request. */
  readonly timeoutMs?: number;
  /** No event is begun after it aborts; those in flight are waited for. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly onAnswer?: (answered: number) => void;
}

export interface AcceptedEvent {
  readonly id: string;
  readonly key: string;
  readonly duplicate: boolean;
  readonly latencyMs: number;
}

export interface FailedEvent {
  /** Null when no answer came; `code` is then the network's, or `timeout`. */
  readonly status: number | null;
  readonly code: string;
  readonly key: string;
}

export interface LoadResult {
  readonly accepted: readonly AcceptedEvent[];
  readonly failures: readonly FailedEvent[];
  readonly seconds: number;
}

export async function sendMany(options: LoadOptions): Promise<LoadResult> {
  const { url, secret, source = null, count, concurrency, scheme = 'x', timeoutMs = 30_000, signal, clock = systemClock, onAnswer } = options;
  const { bodyOf = (index: number): Buffer => sampleBody('order.created', index), keyOf = uniqueKeys() } = options;
  const accepted: AcceptedEvent[] = [];
  const failures: FailedEvent[] = [];
  let next = 0;

  async function sendNext(api: Api): Promise<void> {
    const index = next++;
    const [key, body] = [keyOf(index), bodyOf(index)];
    const headers = signedHeaders(secret, key, body, clock.now(), scheme);
    const sentAt = clock.monotonic();
    file(key, await api.ingest(headers, body), clock.monotonic() - sentAt);
    onAnswer?.(accepted.length + failures.length);
  }

  function file(key: string, result: ApiResult<IngestAnswer>, latencyMs: number): void {
    if (result.kind === 'ok') accepted.push({ id: result.value.id, key, duplicate: result.value.duplicate, latencyMs });
    else failures.push({ status: result.kind === 'refused' ? result.status : null, code: result.code, key });
  }

  async function runSender(api: Api): Promise<void> {
    while (next < count && signal?.aborted !== true) await sendNext(api);
  }

  const api = createApi({ url, source, connections: concurrency, timeoutMs });
  const startedAt = clock.monotonic();
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, count) }, () => runSender(api)));
    return { accepted, failures, seconds: (clock.monotonic() - startedAt) / 1000 };
  } finally {
    api.close();
  }
}

/** One random part for the whole load: its events can be told from those of another. */
export function uniqueKeys(prefix: string = randomUUID()): (index: number) => string {
  return (index) => `${prefix}-${index + 1}`;
}
