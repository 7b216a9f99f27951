/** What is told of an event, as JSON Schemas. */
import { DELIVERY_STATES } from '../domain/delivery.ts';
import { EVENT_STATUSES } from '../domain/event.ts';
import type { JsonSchema } from '../http/operation.ts';

const whole = { type: 'integer', minimum: 0 } as const;
const time = { type: 'string', format: 'date-time' } as const;
const timeOrNull = { type: ['string', 'null'], format: 'date-time' } as const;
const textOrNull = { type: ['string', 'null'] } as const;
const text = { type: 'string' } as const;

const object = (properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema => ({ type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties });

const ATTEMPT = object({
  number: { ...whole, description: 'From 1. Quick retries repeat the number of the attempt they belong to' },
  quickRetry: { ...whole, description: '0 for the attempt itself' },
  at: time, durationMs: whole,
  outcome: { enum: ['answered', 'timeout', 'network', 'blocked'] },
  status: { type: ['integer', 'null'] }, error: textOrNull, responseExcerpt: textOrNull,
});

const DELIVERY = object({
  targetId: text,
  state: { enum: ['pending', ...DELIVERY_STATES], description: 'pending: nothing is written about it yet' },
  attemptCount: whole, generation: { ...whole, description: 'How often it was replayed' },
  nextAttemptAt: timeOrNull, reason: { ...textOrNull, description: 'Why it was given up on' }, settledAt: timeOrNull,
  attempts: { type: 'array', items: ATTEMPT },
});

const HEAD = {
  id: text, source: text, idempotencyKey: text, type: textOrNull, contentType: text, receivedAt: time, bodyBytes: whole,
  fingerprint: { ...text, pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the body' },
  status: { enum: EVENT_STATUSES },
  reopened: { ...whole, description: 'How often replays have opened it again' },
};

export const EVENT: JsonSchema = object({ ...HEAD, deliveries: { type: 'array', items: DELIVERY } }, ['reopened']);
export const EVENT_PAGE: JsonSchema = object({
  events: { type: 'array', items: object({ ...HEAD, targetIds: { type: 'array', items: text } }, ['reopened']) },
  after: { ...textOrNull, description: 'What to ask for as `after` to read on; null when there is no more' },
});
