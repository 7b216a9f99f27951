/** The server's HTTP API as the tools see it: what it answers, and the calls for sending an event and for looking at one. */
import type { Attempt } from '../../src/domain/attempt.ts';
import type { DeliveryState } from '../../src/domain/delivery.ts';
import type { EventStatus } from '../../src/domain/event.ts';
import { createHttpClient, type HttpAnswer, type HttpClientOptions } from './http.ts';

export interface IngestAnswer {
  readonly id: string;
  readonly status: EventStatus;
  readonly duplicate: boolean;
}

/** Times are ISO 8601 in JSON. */
export type AttemptView = Omit<Attempt, 'at'> & { readonly at: string };

export interface DeliveryView {
  readonly targetId: string;
  readonly state: DeliveryState;
  readonly attemptCount: number;
  readonly generation: number;
  readonly nextAttemptAt: string | null;
  readonly reason: string | null;
  readonly settledAt: string | null;
  readonly attempts: readonly AttemptView[];
}

export interface EventView {
  readonly id: string;
  readonly type: string | null;
  readonly status: EventStatus;
  readonly source: string;
  readonly idempotencyKey: string;
  readonly contentType: string;
  readonly bodyBytes: number;
  readonly receivedAt: string;
  readonly deliveries: readonly DeliveryView[];
}

export type NoSuccess =
  /** `code` and `detail` of the problem answer (RFC 9457). */
  | { readonly kind: 'refused'; readonly status: number; readonly code: string; readonly detail: string }
  | Extract<HttpAnswer, { kind: 'unanswered' }>;

export type ApiResult<T> = { readonly kind: 'ok'; readonly status: number; readonly value: T } | NoSuccess;

export interface Api {
  ingest(headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<ApiResult<IngestAnswer>>;
  event(id: string, signal?: AbortSignal): Promise<ApiResult<EventView>>;
  close(): void;
}

export interface ApiOptions extends HttpClientOptions {
  readonly adminToken?: string | null;
  /** Null: the default one. */
  readonly source?: string | null;
}

export const INGEST_PATH = '/api/v1/webhooks/ingest';
export const ingestPath = (source: string | null): string => (source === null ? INGEST_PATH : `${INGEST_PATH}/${source}`);

export function createApi({ adminToken = null, source = null, ...options }: ApiOptions): Api {
  const client = createHttpClient(options);
  const authorization: Readonly<Record<string, string>> = adminToken === null ? {} : { Authorization: `Bearer ${adminToken}` };
  return {
    ingest: async (headers, body) => read(await client.call({ method: 'POST', path: ingestPath(source), headers, body }), isIngestAnswer),
    event: async (id, signal) => read(await client.call({ method: 'GET', path: `/api/v1/events/${encodeURIComponent(id)}`, headers: authorization, signal }), isEventView),
    close: () => client.close(),
  };
}

function read<T>(answer: HttpAnswer, isExpected: (value: unknown) => value is T): ApiResult<T> {
  if (answer.kind === 'unanswered') return answer;
  const { status } = answer;
  const value = parse(answer.text);
  if (status < 200 || status >= 300) return { kind: 'refused', status, ...problemOf(value) };
  if (isExpected(value)) return { kind: 'ok', status, value };
  // Something else listens there: a proxy, or another server on the port.
  return { kind: 'refused', status, code: 'unexpected_answer', detail: 'the answer is not one of Hooktail' };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

function problemOf(value: unknown): { readonly code: string; readonly detail: string } {
  const { code, detail } = isObject(value) ? value : {};
  return { code: typeof code === 'string' ? code : 'unexpected_answer', detail: typeof detail === 'string' ? detail : 'no reason was given' };
}

const isIngestAnswer = (value: unknown): value is IngestAnswer => isObject(value) && typeof value['id'] === 'string' && typeof value['duplicate'] === 'boolean';
const isEventView = (value: unknown): value is EventView => isObject(value) && typeof value['status'] === 'string' && Array.isArray(value['deliveries']);
