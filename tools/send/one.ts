/** Sends one event and tells what becomes of it. */
import { assertNever } from '../../src/domain/assert-never.ts';
import type { ToolContext } from '../cli/context.ts';
import { EXIT, type ExitCode } from '../cli/exit-codes.ts';
import { formatMs, printable } from '../cli/format.ts';
import { createApi, type Api, type IngestAnswer, type NoSuccess } from './api.ts';
import { follow, type FollowEnd } from './follow.ts';
import { unanswered, type SendPlan } from './plan.ts';
import { attemptLine, endLine } from './report.ts';
import { signedHeaders } from './sign.ts';

/** @throws ToolError when the server does not answer at all */
export async function sendOne(plan: SendPlan, context: ToolContext): Promise<ExitCode> {
  const api = createApi({ url: plan.url, source: plan.source, connections: 1, timeoutMs: plan.timeoutMs, adminToken: plan.adminToken });
  try {
    const accepted = await accept(api, plan, context);
    if (accepted === null) return EXIT.someFailed;
    if (plan.wait) return await watch(api, accepted, plan, context);
    if (plan.json) context.out(JSON.stringify({ accepted }));
    return EXIT.done;
  } finally {
    api.close();
  }
}

async function accept(api: Api, plan: SendPlan, { clock, out, note, paint }: ToolContext): Promise<IngestAnswer | null> {
  const [key, body] = [plan.keyOf(0), plan.bodyOf(0)];
  const sentAt = clock.monotonic();
  const result = await api.ingest(signedHeaders(plan.secret, key, body, clock.now(), plan.scheme), body);
  switch (result.kind) {
    case 'ok':
      if (!plan.json) out(`${paint('green', String(result.status))} ${printable(result.value.id)} accepted in ${formatMs(clock.monotonic() - sentAt)}${result.value.duplicate ? ' (a duplicate: the server had it already)' : ''}`);
      return result.value;
    case 'refused':
      note(refusal(result));
      if (plan.json) out(JSON.stringify({ refused: { status: result.status, code: result.code, detail: result.detail } }));
      return null;
    case 'unanswered':
      throw unanswered(plan.url, result);
    default:
      return assertNever(result);
  }
}

async function watch(api: Api, accepted: IngestAnswer, plan: SendPlan, context: ToolContext): Promise<ExitCode> {
  const { clock, signal, out, paint } = context;
  const end = await follow({ api, clock }, {
    eventId: accepted.id,
    timeoutMs: plan.timeoutMs,
    signal,
    onAttempt: (attempt, delivery, event) => {
      if (!plan.json) out(attemptLine(attempt, delivery, event, paint));
    },
  });
  if (plan.json) out(JSON.stringify({ accepted, ended: end.kind, event: 'event' in end ? end.event : null }));
  else if (end.kind === 'settled') out(endLine(end.event, paint));
  return exitOf(end, plan, context);
}

function exitOf(end: FollowEnd, plan: SendPlan, { note, paint }: ToolContext): ExitCode {
  switch (end.kind) {
    case 'settled':
      // Whoever waited wanted it delivered: an event that nobody wants is not.
      return end.event.status === 'DELIVERED' ? EXIT.done : EXIT.someFailed;
    case 'timedOut':
      note(`Gave up after ${formatMs(plan.timeoutMs)}: ${end.event === null ? 'the server tells nothing of the event' : endLine(end.event, paint)}. It is not lost; wait longer with --timeout`);
      return EXIT.timedOut;
    case 'interrupted':
      note('Stopped following; the event goes its way without us');
      return EXIT.interrupted;
    case 'refused':
      note(`Cannot follow the event: ${refusal(end)}${end.status === 401 || end.status === 403 ? '. Fix: set ADMIN_TOKEN to the token of the server, or leave it with --no-wait' : ''}`);
      return end.status === 401 || end.status === 403 ? EXIT.usage : EXIT.someFailed;
    default:
      return assertNever(end);
  }
}

const refusal = ({ status, code, detail }: Extract<NoSuccess, { kind: 'refused' }>): string => printable(`${status} ${code}: ${detail}`, 500);
