/** The shapes of targets on the wire. What a schema cannot say is said in target-input.ts. */
import type { JsonSchema } from '../http/operation.ts';
import { TARGET_STATUSES } from '../domain/target.ts';
import { MOST_PATTERNS } from '../domain/type-pattern.ts';

const DAY_MS = 86_400_000;

/** By name: what a person may say of a target. */
export const TARGET_FIELDS = {
  url: { type: 'string', maxLength: 2_048, description: 'http or https, without user name and fragment' },
  eventTypes: { type: 'array', items: { type: 'string', maxLength: 256 }, minItems: 1, maxItems: MOST_PATTERNS, description: 'Patterns: *, order.paid, order.*, !order.debug, !order.*. Default: ["*"]' },
  filter: { type: ['object', 'null'], description: 'Which bodies it wants: all, any, not, or a path with one of eq, ne, in, exists, gt, gte, lt, lte. Default: null, which is all of them' },
  ratePerSecond: { type: 'number', minimum: 0, maximum: 1_000, description: 'Starts of attempts per second, 0 or 0.001 to 1000; 0 means no limit' },
  concurrency: { type: 'integer', minimum: 0, maximum: 10_000, description: 'Attempts in flight at once; 0 means no limit of its own' },
  timeoutMs: { type: 'integer', minimum: 100, maximum: 60_000, description: 'Deadline of one attempt, in milliseconds' },
  retryScheduleMs: { type: 'array', items: { type: 'integer', minimum: 1, maximum: 7 * DAY_MS }, maxItems: 50, description: 'Delays before the second, third, … attempt, in milliseconds; none: no retries' },
  maxAttempts: { type: ['integer', 'null'], minimum: 1, maximum: 100, description: 'Attempts in all: cuts the schedule, or repeats its last delay. Null: one more than the schedule is long' },
  headers: { type: 'object', additionalProperties: { type: 'string', maxLength: 1_024 }, maxProperties: 20, description: 'Sent with every attempt. Values that look like credentials are not shown again' },
  description: { type: ['string', 'null'], maxLength: 1_000 },
  metadata: { type: 'object', propertyNames: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' }, additionalProperties: { type: 'string', maxLength: 500 }, maxProperties: 50 },
} as const satisfies Readonly<Record<string, JsonSchema>>;

export const CREATES_TARGET: JsonSchema = { type: 'object', required: ['url'], properties: TARGET_FIELDS, additionalProperties: false };
export const CHANGES_TARGET: JsonSchema = { type: 'object', properties: TARGET_FIELDS, minProperties: 1, additionalProperties: false };
export const PAUSES_TARGET: JsonSchema = { type: 'object', required: ['reason'], properties: { reason: { type: 'string', minLength: 1, maxLength: 500 } }, additionalProperties: false };

const MOMENT: JsonSchema = { type: ['string', 'null'], format: 'date-time' };

const SHOWN = {
  id: { type: 'string' }, ...TARGET_FIELDS,
  status: { enum: TARGET_STATUSES }, statusReason: { type: ['string', 'null'] },
  version: { type: 'integer' }, createdAt: MOMENT,
} as const;

export const TARGET: JsonSchema = { type: 'object', required: Object.keys(SHOWN), properties: SHOWN };
export const NEW_TARGET: JsonSchema = { type: 'object', required: [...Object.keys(SHOWN), 'secret'], properties: { ...SHOWN, secret: { type: 'string', description: 'Signs what is sent to it. Shown here and never again' } } };
export const TARGET_PAGE: JsonSchema = {
  type: 'object', required: ['targets', 'after'],
  properties: { targets: { type: 'array', items: TARGET }, after: { type: ['string', 'null'], description: 'Where the next page begins; null: this was the last' } },
};
export const TEST_SENT: JsonSchema = { type: 'object', required: ['eventId'], properties: { eventId: { type: 'string' } } };

const FIGURE: JsonSchema = { type: ['number', 'null'] };

export const STATISTICS: JsonSchema = {
  type: 'object',
  required: ['targetId', 'status', 'statusReason', 'holdUntil', 'since', 'attempts', 'successes', 'failures', 'successShare', 'latencyMs', 'lastError', 'backlog', 'nextAttemptAt'],
  properties: {
    targetId: { type: 'string' }, status: { enum: TARGET_STATUSES }, statusReason: { type: ['string', 'null'] },
    holdUntil: { ...MOMENT, description: 'Until then nothing is sent, by the receiver\'s own wish' },
    since: { type: 'string', format: 'date-time', description: 'From when the counts below are: 24 hours, from the beginning of the hour' },
    attempts: { type: 'integer' }, successes: { type: 'integer' }, failures: { type: 'integer' }, successShare: FIGURE,
    latencyMs: { type: 'object', required: ['p50', 'p95'], properties: { p50: FIGURE, p95: FIGURE } },
    lastError: { type: ['object', 'null'], required: ['error', 'at'], properties: { error: { type: 'string' }, at: { type: 'string', format: 'date-time' } } },
    backlog: { type: 'object', required: ['value', 'more'], properties: { value: { type: 'integer' }, more: { type: 'boolean', description: 'There are more: counting ended at the value' } } },
    nextAttemptAt: MOMENT,
  },
};
