/** What one call of `npm run send` is about, once options, secret and data are read. */
import { randomUUID } from 'node:crypto';
import type { ToolContext } from '../cli/context.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { ToolError } from '../cli/tool-error.ts';
import type { NoSuccess } from './api.ts';
import { uniqueKeys } from './load.ts';
import { checkTogether, urlOf, type SendValues } from './options.ts';
import { choosePayload, type BodyOf } from './payload.ts';
import { findSecret } from './secret.ts';
import type { SignatureScheme } from './sign.ts';

export interface SendPlan {
  readonly url: string;
  /** Null: the default one. */
  readonly source: string | null;
  readonly secret: string;
  readonly scheme: SignatureScheme;
  readonly adminToken: string | null;
  readonly count: number;
  readonly concurrency: number;
  readonly keyOf: (index: number) => string;
  readonly bodyOf: BodyOf;
  readonly timeoutMs: number;
  /** Whether one event is followed. */
  readonly wait: boolean;
  readonly json: boolean;
}

/** @throws ToolError (exit 2) */
export async function planOf(values: SendValues, context: ToolContext): Promise<SendPlan> {
  checkTogether(values);
  const bodyOf = await choosePayload(values, context);
  const key = values.key ?? randomUUID();
  const token = context.environment['ADMIN_TOKEN']?.trim() ?? '';
  const isOneEvent = values['same-key'] || values.count === 1;
  return {
    url: urlOf(values, context.environment),
    source: values.source,
    secret: await findSecret(context.environment, context.folder),
    scheme: values.standard ? 'standard' : 'x',
    adminToken: token === '' ? null : token,
    count: values.count,
    concurrency: values.concurrency,
    keyOf: isOneEvent ? () => key : uniqueKeys(key),
    bodyOf: isOneEvent ? () => bodyOf(0) : bodyOf,
    timeoutMs: values.timeout,
    wait: !values['no-wait'],
    json: values.json,
  };
}

/** No answer to the first thing that was asked. */
export function unanswered(url: string, { code, detail }: Extract<NoSuccess, { kind: 'unanswered' }>): ToolError {
  if (code === 'timeout') return new ToolError(EXIT.timedOut, 'timed_out', `${url}: ${detail}`, { fix: 'wait longer with --timeout' });
  return new ToolError(EXIT.unreachable, 'unreachable', `No answer from ${url} (${code})`, { fix: 'start the server with npm start, or name another one with --url' });
}
