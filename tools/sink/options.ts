/** The options of `npm run sink`, how each is read, and the fault plan that they make. */
import { secretKey } from '../../src/domain/signing.ts';
import { readCount, readDuration, readSecrets, readText, type Reading } from '../../src/runtime/config-values.ts';
import { flag, option, repeated, type ValuesOf } from '../cli/arguments.ts';
import type { HelpPage } from '../cli/help.ts';
import { usageError } from '../cli/tool-error.ts';
import { totalPercent, type FailRule, type FaultPlan } from './fault-plan.ts';

const FAIL_RULE = /^(\d{3}):(?:first=(\d{1,6})|(\d{1,3}(?:\.\d{1,3})?)%?)$/;

export const SINK_OPTIONS = {
  port: option({ value: 'N', help: 'Port to listen on, 0 for a free one. Default 4401', fallback: 4401, read: readCount(0, 65_535) }),
  host: option({ value: 'HOST', help: 'Address to listen on. Default 127.0.0.1', fallback: '127.0.0.1', read: readText(/^\S{1,255}$/, 'a host name or address') }),
  secret: option({ value: 'whsec_…', help: 'Secret to check signatures with; better given as DOWNSTREAM_SECRET, where no process list shows it', fallback: null, read: readSecret }),
  status: option({ value: 'CODE', help: 'Status of every answer that is not made to fail. Default 200', fallback: 200, read: readCount(200, 599) }),
  fail: repeated({ value: 'RULE', help: '503:50 answers 503 to half of all, 503:first=2 to the first two of each webhook-id; may be repeated', read: readFailRule }),
  delay: option({ value: 'TIME', help: 'Wait before each answer, such as 200ms', fallback: 0, read: readDuration(0, 3_600_000) }),
  hang: option({ value: 'PERCENT', help: 'Share of requests that never get an answer', fallback: 0, read: readPercent }),
  reset: option({ value: 'PERCENT', help: 'Share of requests whose connection is cut', fallback: 0, read: readPercent }),
  'retry-after': option({ value: 'SECONDS', help: 'Retry-After sent with statuses from 400 on', fallback: null, read: readCount(0, 86_400) }),
  quiet: flag('Only the summary at the end'),
  json: flag('One JSON object a line: each request, then the summary'),
} as const;

export type SinkValues = ValuesOf<typeof SINK_OPTIONS>;

export const SINK_HELP: HelpPage = {
  examples: ['npm run sink', 'npm run sink -- --fail 503:50 --delay 200ms'],
  summary: 'Receives webhooks, checks their signatures, prints one line for each, and misbehaves on request.',
  options: SINK_OPTIONS,
  notes: ['GET /__requests shows the last 100 requests as JSON, DELETE /__requests forgets them. A bad signature is shown, not refused.'],
};

/** @throws ToolError (exit 2) when the shares are more than everything */
export function faultPlanOf(values: SinkValues): FaultPlan {
  const plan = {
    status: values.status,
    failures: values.fail,
    hangPercent: values.hang,
    resetPercent: values.reset,
    delayMs: values.delay,
    retryAfterSeconds: values['retry-after'],
  };
  const total = totalPercent(plan);
  if (total > 100) throw usageError(`--hang, --reset and --fail: expected at most 100 percent in all, got ${total}`);
  return plan;
}

export function readFailRule(text: string): Reading<FailRule> {
  const [, status = '', first, share] = FAIL_RULE.exec(text) ?? [];
  const count = readCount(1, 999_999)(first ?? '');
  const percent = readPercent(share ?? '');
  if (!readCount(300, 599)(status).ok || (!count.ok && !percent.ok)) return { ok: false, expected: 'a rule such as 503:50 (percent) or 503:first=2, with a status from 300 to 599' };
  return { ok: true, value: count.ok ? { kind: 'first', status: Number(status), count: count.value } : { kind: 'share', status: Number(status), percent: Number(share) } };
}

export function readPercent(text: string): Reading<number> {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,3})?)%?$/.exec(text) ?? [];
  const value = Number(digits ?? NaN);
  return value <= 100 ? { ok: true, value } : { ok: false, expected: 'a percentage from 0 to 100' };
}

function readSecret(text: string): Reading<string> {
  const reading = readSecrets(secretKey)(text);
  return reading.ok ? { ok: true, value: reading.value.join(',') } : reading;
}
