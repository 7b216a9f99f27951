/** `npm run send`: chooses between showing one request, sending one event and sending many. */
import { parseArguments } from '../cli/arguments.ts';
import type { ToolContext } from '../cli/context.ts';
import { EXIT, type ExitCode } from '../cli/exit-codes.ts';
import { helpText } from '../cli/help.ts';
import { usageError } from '../cli/tool-error.ts';
import { ingestPath } from './api.ts';
import { curlCommand, curlHeaders, fitsShell, SHELL_WORD_BYTES } from './curl.ts';
import { sendMany, type LoadResult } from './load.ts';
import { sendOne } from './one.ts';
import { SEND_HELP, SEND_OPTIONS } from './options.ts';
import { planOf, unanswered, type SendPlan } from './plan.ts';
import { summarise, summaryLines } from './report.ts';
import { signedHeaders } from './sign.ts';

/** Terminals gain nothing from more, and each one costs a write. */
const PROGRESS_EVERY_MS = 100;

export async function sendCommand(context: ToolContext): Promise<ExitCode> {
  const parsed = parseArguments(context.argv, SEND_OPTIONS);
  if (parsed.kind === 'help') {
    context.out(helpText(SEND_HELP));
    return EXIT.done;
  }
  const plan = await planOf(parsed.values, context);
  if (parsed.values.sign) return showSigned(plan, context);
  return plan.count === 1 ? sendOne(plan, context) : sendLoad(plan, context);
}

function showSigned({ url, source, secret, scheme, json, ...plan }: SendPlan, { clock, out, note }: ToolContext): ExitCode {
  const body = plan.bodyOf(0);
  if (!fitsShell(body)) throw usageError(`--sign: expected at most ${SHELL_WORD_BYTES} bytes of UTF-8, which a shell can pass on unchanged`);
  const request = { url: url + ingestPath(source), headers: signedHeaders(secret, plan.keyOf(0), body, clock.now(), scheme), body };
  if (json) out(JSON.stringify({ ...request, body: body.toString('utf8') }));
  else [curlHeaders(request.headers), '', curlCommand(request)].forEach((line) => out(line));
  note('The signature holds for five minutes and for these very bytes');
  return EXIT.done;
}

async function sendLoad(plan: SendPlan, context: ToolContext): Promise<ExitCode> {
  const { clock, out, paint, progress, signal } = context;
  let toldAt = -Infinity;
  const onAnswer = (answered: number): void => {
    if (clock.monotonic() - toldAt < PROGRESS_EVERY_MS) return;
    toldAt = clock.monotonic();
    progress(`${answered} of ${plan.count}`);
  };
  const result = await sendMany({ ...plan, signal, clock, onAnswer });
  progress('');
  const summary = summarise(result);
  if (plan.json) out(JSON.stringify(summary));
  else summaryLines(summary, paint).forEach((line) => out(line));
  return exitOf(result, plan, signal);
}

/** @throws ToolError when nothing was ever answered */
function exitOf({ accepted, failures }: LoadResult, plan: SendPlan, signal: AbortSignal): ExitCode {
  if (signal.aborted) return EXIT.interrupted;
  const [first] = failures;
  if (first === undefined) return EXIT.done;
  if (accepted.length === 0 && failures.every(({ status }) => status === null)) {
    throw unanswered(plan.url, { kind: 'unanswered', code: first.code, detail: `no answer within ${plan.timeoutMs} ms` });
  }
  return EXIT.someFailed;
}
