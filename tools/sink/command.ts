/** `npm run sink`: runs a sink until it is told to stop, and prints what it sees. */
import { parseArguments } from '../cli/arguments.ts';
import type { ToolContext } from '../cli/context.ts';
import { EXIT, type ExitCode } from '../cli/exit-codes.ts';
import { helpText } from '../cli/help.ts';
import { shownRequest } from './admin.ts';
import { createBehaviour } from './fault-plan.ts';
import { faultPlanOf, SINK_HELP, SINK_OPTIONS, type SinkValues } from './options.ts';
import { requestLine, summaryLine } from './report.ts';
import { createSink, type Sink, type SinkRequest } from './sink.ts';

/** What `GET /__requests` can show; a person's sink needs no more. */
const KEEP = 100;

export async function sinkCommand(context: ToolContext): Promise<ExitCode> {
  const parsed = parseArguments(context.argv, SINK_OPTIONS);
  if (parsed.kind === 'help') {
    context.out(helpText(SINK_HELP));
    return EXIT.done;
  }
  const sink = sinkOf(parsed.values, context);
  const { url } = await sink.start();
  context.note(`Listening on ${url}, signatures ${secretOf(parsed.values, context) === null ? 'unchecked: set DOWNSTREAM_SECRET to check them' : 'checked'}. Ctrl-C stops`);
  await aborted(context.signal);
  await sink.stop();
  context.out(parsed.values.json ? JSON.stringify({ kind: 'summary', ...sink.counts }) : summaryLine(sink.counts));
  // To be stopped is how a sink ends well.
  return EXIT.done;
}

function sinkOf(values: SinkValues, context: ToolContext): Sink {
  const onDone = (request: SinkRequest, tookMs: number): void => {
    if (values.json) context.out(JSON.stringify({ kind: 'request', ...shownRequest(request), tookMs }));
    else context.out(requestLine(request, tookMs, context.paint));
  };
  return createSink({
    host: values.host,
    port: values.port,
    secret: secretOf(values, context),
    behaviour: createBehaviour(faultPlanOf(values), context.random),
    keep: KEEP,
    clock: context.clock,
    ...(values.quiet ? {} : { onDone }),
  });
}

/** An empty variable counts as unset. */
function secretOf({ secret }: SinkValues, { environment }: ToolContext): string | null {
  const set = secret ?? environment['DOWNSTREAM_SECRET']?.trim() ?? '';
  return set === '' ? null : set;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
